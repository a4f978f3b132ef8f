"""`python -m api`: serve with the settings of the environment."""

from api.serve import run
from api.settings import ApiSettings

run(ApiSettings())
