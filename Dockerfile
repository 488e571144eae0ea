# syntax=docker/dockerfile:1

# The program, compiled and joined, its addon for live capture, and the packages it needs at run time.
# test/tools/dockerfile.test.ts goes through both stages without an engine.
FROM node:24-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY native ./native
RUN npm run build:native
COPY tools ./tools
COPY src ./src
RUN npm run build
RUN npm ci --omit=dev --ignore-scripts

# What runs: Node, those packages, the program, and libpcap for `--bpf`. Package managers are of no use here but to an intruder.
FROM node:24-slim
LABEL org.opencontainers.image.title="spanglass" \
      org.opencontainers.image.description="Passive TLS handshake sensor: mirrored traffic or captures in, scored certificate events for Splunk out." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apt-get update && apt-get install -y --no-install-recommends libpcap0.8 && rm -rf /var/lib/apt/lists/*
RUN rm -rf /usr/local/lib/node_modules /opt/yarn-* \
      /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
    && ln -s /app/dist/bin/main.js /usr/local/bin/spanglass \
    && install -d -o 1000 -g 1000 /var/lib/spanglass
ENV NODE_ENV=production XDG_STATE_HOME=/var/lib
WORKDIR /app
COPY package.json LICENSE spanglass.example.yaml ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/native/build ./native/build
COPY --from=build --chmod=755 /build/dist/bin ./dist/bin
# Captures are mounted here, read-only where nothing is to be written.
WORKDIR /data
# The spool of a capture waits here: what is in it must outlive the container.
VOLUME /var/lib/spanglass
# The image's unprivileged user, by number, so that a cluster can see that it is not root. Live capture starts as root, opens the
# interface, and becomes this user: deploy/compose.yaml.
USER 1000:1000
# SIGTERM, the default, lets a replay show its summary, and a capture write all that it has to the spool, within ten seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["spanglass"]
CMD ["--help"]
