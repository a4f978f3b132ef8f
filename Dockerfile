# syntax=docker/dockerfile:1
# One image for every program of Hedgerow: docker compose names the command (migrate, ingest, api, simulate).
# Bases are pinned by exact tag. Pin them by digest as well where your registry shows it: name:tag@sha256:…

# The console's styles and islands.
FROM node:24.21.0-bookworm-slim AS web
WORKDIR /source/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

# Everything Python, installed from locks with hashes into /opt/hedgerow.
FROM python:3.13.14-slim-trixie AS python
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv --without-pip /opt/hedgerow
WORKDIR /source
COPY requirements/ requirements/
RUN pip --python /opt/hedgerow/bin/python install --require-hashes --only-binary :all: -r requirements/run.lock \
    && pip install --require-hashes --only-binary :all: -r requirements/build.lock
COPY pyproject.toml README.md LICENSE ./
COPY devices/ devices/
COPY ingest/ ingest/
COPY api/ api/
COPY simulators/ simulators/
COPY sql/ sql/
COPY grafana/ grafana/
COPY hedgerow/ hedgerow/
COPY --from=web /source/api/static/built/ api/static/built/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/hedgerow/bin/python install --no-deps --no-index /wheels/*.whl
# An image whose pages lack their styles is refused here, not noticed in use.
RUN test -s "$(/opt/hedgerow/bin/python -c 'import api; print(api.__path__[0])')/static/built/manifest.json"

# What runs: Python and Hedgerow, no compiler, no pip, no Node.js, nobody's root.
FROM python:3.13.14-slim-trixie AS run
RUN python -m pip uninstall --yes pip \
    && groupadd --gid 10001 hedgerow \
    && useradd --uid 10001 --gid hedgerow --no-create-home --home-dir /nonexistent hedgerow \
    && install --directory --owner 1883 --group 1883 --mode 0700 /var/lib/hedgerow-broker \
    && install --directory --owner hedgerow --group hedgerow --mode 0700 /var/lib/hedgerow
COPY --from=python /opt/hedgerow/ /opt/hedgerow/
ENV PATH=/opt/hedgerow/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER hedgerow
WORKDIR /var/lib/hedgerow
STOPSIGNAL SIGTERM
ENTRYPOINT ["hedgerow"]
CMD ["--help"]
