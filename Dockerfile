# Three images: `runtime` (API, worker, indexer, attestors), `deploy` (puts the contracts on a chain), `anvil` (a local chain).

FROM python:3.11-slim-bookworm AS base
ARG UV_VERSION=0.13.9
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir "uv==${UV_VERSION}"
WORKDIR /app
COPY pyproject.toml uv.lock README.md LICENSE ./

FROM base AS runtime-build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN uv sync --frozen --no-default-groups --no-install-project
COPY backend backend
COPY indexer indexer
COPY contracts/abi contracts/abi
COPY web web
COPY deploy deploy
COPY scripts/kernel.py scripts/
RUN uv sync --frozen --no-default-groups && .venv/bin/python scripts/kernel.py

FROM base AS deploy-build
RUN uv sync --frozen --no-default-groups --group contracts --no-install-project
COPY backend backend
COPY indexer indexer
COPY contracts contracts
COPY scripts scripts
COPY ape-config.yaml ./
RUN uv sync --frozen --no-default-groups --group contracts

FROM python:3.11-slim-bookworm AS user
RUN useradd --uid 10001 --create-home sightline \
 && install -d -o sightline -g sightline /app /app/deployments /app/.sightline
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app

FROM user AS deploy
COPY --from=deploy-build --chown=sightline /app /app
USER 10001
CMD ["ape", "run", "deploy"]

FROM node:20-bookworm-slim AS anvil
WORKDIR /app
COPY package.json package-lock.json deploy/health.mjs ./
RUN npm ci --no-audit --no-fund && install -d -o node -g node /data
ENV PATH=/app/node_modules/.bin:$PATH
USER 1000
EXPOSE 8545
HEALTHCHECK --interval=2s --timeout=3s --retries=30 CMD ["node", "health.mjs"]
CMD ["anvil", "--host", "0.0.0.0"]

FROM user AS runtime
COPY --from=runtime-build --chown=root /app /app
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --retries=12 CMD ["python", "deploy/health.py", "api"]
CMD ["sightline", "serve"]
