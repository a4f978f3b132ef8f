"""Grafana: dashboards made in Python, what provisions them, and the checks that keep them true."""
