# The release workflow sets both images to tags with digests (docs/releasing.md).
ARG BUILD_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

# The bundle is the same for all platforms, so it is built once, without emulation.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --ignore-scripts
COPY hack/root.ts hack/
COPY hack/build/bundle.ts hack/build/
COPY src src
RUN node hack/build/bundle.ts

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="image-credential-binding" \
      org.opencontainers.image.description="Lets secureCodeBox scan images from private registries with Trivy" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="secureCodeBox" \
      org.opencontainers.image.url="https://www.securecodebox.io" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /source/dist /app
COPY LICENSE /app/
# Numeric, because the kubelet cannot verify runAsNonRoot for a user name.
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node", "/app/main.mjs"]
