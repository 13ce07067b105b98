# One image for each kind of service: `docker build --target bot .`, and so on; docker-compose.yml
# names them all. Packages come from the hashed lock; what builds them stays out of the last image.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS wheels
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock ./
# hadolint ignore=DL3013
RUN pip download --quiet --no-deps --only-binary :all: --require-hashes \
      --requirement requirements.lock --dest /wheels \
    && pip install --quiet --no-index --find-links /wheels hatchling
COPY pyproject.toml README.md dagster.yaml ./
COPY vibe_pipeline vibe_pipeline
COPY vibe_bot vibe_bot
COPY vibe_oauth vibe_oauth
RUN pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/vibe

# Each of these holds one service's packages and no others: only the lock's wheels
# are within reach, so no version needs naming.
FROM wheels AS bot-packages
# hadolint ignore=DL3013
RUN pip --python /opt/vibe/bin/python install --quiet --no-index --find-links /wheels 'vibe[bot,postgres]'

FROM wheels AS oauth-packages
# hadolint ignore=DL3013
RUN pip --python /opt/vibe/bin/python install --quiet --no-index --find-links /wheels 'vibe[oauth,postgres]'

FROM wheels AS pipeline-packages
# hadolint ignore=DL3013
RUN pip --python /opt/vibe/bin/python install --quiet --no-index --find-links /wheels 'vibe[pipeline,postgres,shared]'

FROM wheels AS demo-packages
# hadolint ignore=DL3013
RUN pip --python /opt/vibe/bin/python install --quiet --no-index --find-links /wheels 'vibe[demo]'

FROM python:${PYTHON} AS service
RUN groupadd --gid 10001 vibe \
    && useradd --uid 10001 --gid vibe --home-dir /var/lib/vibe --no-create-home vibe \
    && install --directory --owner vibe --group vibe --mode 0700 /var/lib/vibe
ENV PATH=/opt/vibe/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VIBE_HOME=/var/lib/vibe \
    DAGSTER_HOME=/var/lib/vibe/dagster \
    DAGSTER_DISABLE_TELEMETRY=yes \
    FRESHNESS_DAEMON_INTERVAL_SECONDS=300 \
    LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/vibe
VOLUME /var/lib/vibe
STOPSIGNAL SIGTERM

FROM service AS bot
COPY --from=bot-packages /opt/vibe /opt/vibe
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "-m", "vibe_bot.alive"]
CMD ["python", "-m", "vibe_bot"]

FROM service AS oauth
COPY --from=oauth-packages /opt/vibe /opt/vibe
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "-c", \
  "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=5)"]
CMD ["python", "-m", "vibe_oauth", "--host", "0.0.0.0", "--port", "8000"]

FROM service AS pipeline
COPY --from=pipeline-packages /opt/vibe /opt/vibe

FROM pipeline AS code
EXPOSE 4000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", \
  "from socket import create_connection; create_connection(('127.0.0.1', 4000), timeout=5)"]
CMD ["dagster", "api", "grpc", "--module-name", "vibe_pipeline.definitions", \
     "--location-name", "vibe", "--host", "0.0.0.0", "--port", "4000"]

FROM pipeline AS webserver
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", \
  "from urllib.request import urlopen; urlopen('http://127.0.0.1:3000/server_info', timeout=5)"]
CMD ["python", "-m", "vibe_pipeline.launcher.dagster_programs", "dagster-webserver", \
     "--workspace", "/var/lib/vibe/dagster/workspace.yaml", "--host", "0.0.0.0", "--port", "3000"]

# Runs are forked from the daemon: memory and processors for lists are this one's.
FROM pipeline AS daemon
HEALTHCHECK --interval=5m --timeout=60s --start-period=90s CMD ["dagster-daemon", "liveness-check"]
CMD ["python", "-m", "vibe_pipeline.launcher.dagster_programs", "dagster-daemon", "run", \
     "--workspace", "/var/lib/vibe/dagster/workspace.yaml"]

FROM service AS demo
COPY --from=demo-packages /opt/vibe /opt/vibe
CMD ["vibe", "demo"]
