# MLflow's server with users and the PostgreSQL driver, as an unprivileged user that owns the artifacts.
# By digest where `make digests` was called: docker-compose.yml hands it in.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm
FROM ${PYTHON_IMAGE}
COPY requirements.lock /tmp/requirements.lock
RUN pip install --no-cache-dir --no-deps --only-binary=:all: --require-hashes --requirement /tmp/requirements.lock \
    && pip check \
    && useradd --uid 10001 --create-home mlflow \
    && mkdir /artifacts && chown 10001:10001 /artifacts
COPY basic_auth.ini schema.py healthy.py users.py /opt/ablate/
USER 10001
