# syntax=docker/dockerfile:1

# The program, compiled and joined, and the packages it needs at run time. test/tools/dockerfile.test.ts goes through
# both stages without an engine.
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY tools ./tools
COPY src ./src
RUN npm run build
RUN npm ci --omit=dev --ignore-scripts

# What runs: Node, those packages, and the program. Package managers are of no use here but to an intruder.
FROM node:24-slim
LABEL org.opencontainers.image.title="spanglass" \
      org.opencontainers.image.description="Passive TLS handshake sensor: captures in, scored certificate events for Splunk out." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
    && ln -s /app/dist/bin/main.js /usr/local/bin/spanglass
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE spanglass.example.yaml ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build --chmod=755 /build/dist/bin ./dist/bin
# Captures are mounted here, read-only where nothing is to be written.
WORKDIR /data
# The image's unprivileged user, by number, so that a cluster can see that it is not root.
USER 1000:1000
# Process 1 has no default action for SIGTERM; on SIGINT a replay finishes what it has in hand and shows its summary.
STOPSIGNAL SIGINT
ENTRYPOINT ["spanglass"]
CMD ["--help"]
