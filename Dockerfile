# tapewatch in a container; how to run it stands in deploy/README.md, what it weighs in docs/operations.md.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
# A folder of its own for pip, as some bases forbid it to touch the system's Python.
RUN python3 -m venv /build
ENV PATH=/build/bin:$PATH
# Every file that comes from elsewhere is checked against the hashes of the lock ...
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --require-hashes --requirement requirements.lock --wheel-dir /wheels
COPY pyproject.toml README.md LICENSE ./
COPY config ./config
# With the live page's chart library, if `make page` has put it there; the page shows pictures without.
COPY daemon ./daemon
# ... and from here on nothing comes from elsewhere: of those files, the ones that tapewatch needs to run. The tests that
# some of them bring along are left out. The lock has pinned what lies in /wheels, so no version stands here.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --no-index --find-links /wheels hatchling \
 && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python3 -m venv --without-pip /opt/tapewatch \
 && pip --python /opt/tapewatch/bin/python install --no-cache-dir --no-index --find-links /wheels tapewatch \
 && find /opt/tapewatch/lib/python*/site-packages/numba /opt/tapewatch/lib/python*/site-packages/numpy \
      /opt/tapewatch/lib/python*/site-packages/pandas /opt/tapewatch/lib/python*/site-packages/matplotlib \
      /opt/tapewatch/lib/python*/site-packages/mpl_toolkits -type d -name tests -prune -exec rm -r {} +
# The kernels. Numba takes up those of a CPU with the same name and the same features alone (codegen.py, magic_tuple),
# which the CPU that an image runs on need not have; "generic" all have. They stay root's, and nobody else may write.
ENV CACHE_DIRECTORY=/opt/tapewatch/cache \
    NUMBA_CPU_NAME=generic
RUN /opt/tapewatch/bin/python -c "import tapewatch.engine.kernels, tapewatch.engine.upkeep" \
 && chmod -R u=rwX,go=rX /opt/tapewatch/cache

FROM python:3.11-slim-bookworm
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tapewatch" \
      org.opencontainers.image.description="Watches the tape: ticks over a websocket become alerts in Redis, Slack and email" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="python:3.11-slim-bookworm" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# The numbers are fixed: volumes keep them, and Kubernetes wants to see that they are not root's.
RUN groupadd --gid 10001 tapewatch \
 && useradd --no-log-init --uid 10001 --gid 10001 --home-dir /var/lib/tapewatch --shell /usr/sbin/nologin tapewatch \
 && install -d -o tapewatch -g tapewatch -m 0700 /var/lib/tapewatch
COPY --from=build /opt/tapewatch /opt/tapewatch
ENV PATH=/opt/tapewatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CPU_NAME=generic \
    CACHE_DIRECTORY=/opt/tapewatch/cache \
    STATE_DIRECTORY=/var/lib/tapewatch \
    CREDENTIALS_DIRECTORY=/run/secrets
USER 10001:10001
VOLUME ["/var/lib/tapewatch"]
STOPSIGNAL SIGTERM
# Isolated and without site-packages, so that it takes hundredths of a second; no proxy is asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/opt/tapewatch/bin/python", "-ISc", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8790, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["tapewatch"]
CMD ["run", "--config", "/etc/tapewatch/config.toml"]
