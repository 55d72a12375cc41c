# The worker and the gateway: one image, two commands.
FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
# CA certificates, with which the Temporal SDK verifies TLS.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json .npmrc ./
# Without development dependencies: the base image already has Node 24.
RUN npm ci --omit=dev && npm cache clean --force
COPY . .
ENV PERDURE_AGENTS=/app/examples/agents
USER node
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "cli/main.ts"]
CMD ["--help"]
