# The gateway, the command line, services and pipelines, without Java: the embedded broker is for a developer's machine.
FROM python:3.13-slim AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/tailrace UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN pip install --no-cache-dir uv
WORKDIR /source
# Dependencies first: they change less often than the source, so their layer is used again.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --extra run --extra sql --no-install-project
COPY README.md LICENSE ./
COPY src src
RUN uv sync --locked --no-dev --extra run --extra sql --no-editable

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /home/tailrace tailrace
COPY --from=build /opt/tailrace /opt/tailrace
# All interfaces, as a container needs; the gateway then refuses to start without identities.
ENV PATH=/opt/tailrace/bin:$PATH PYTHONUNBUFFERED=1 TAILRACE_SERVER_HOST=0.0.0.0
USER tailrace
# Mount a project's folder here: docker run --network=host -v "$PWD:/work" tailrace consume orders
WORKDIR /work
EXPOSE 8484
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('TAILRACE_SERVER_PORT', '8484') + '/readyz', timeout=2)"]
ENTRYPOINT ["tailrace"]
CMD ["serve"]
