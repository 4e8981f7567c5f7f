# MLflow's server with the PostgreSQL driver, as an unprivileged user that owns the artifacts.
FROM python:3.11.14-slim-bookworm
RUN pip install --no-cache-dir 'mlflow>=3.17,<3.18' 'psycopg2-binary>=2.9,<3' \
    && useradd --uid 10001 --create-home mlflow \
    && mkdir /artifacts && chown 10001:10001 /artifacts
USER 10001
