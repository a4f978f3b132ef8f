"""Bulk import and export of devices and sites: spreadsheets in, one result a row out."""
