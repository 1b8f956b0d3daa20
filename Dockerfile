# tapewatch in a container; how to run it stands in deploy/README.md.

FROM python:3.12-slim AS build
WORKDIR /src
# Every file that comes from elsewhere is checked against the hashes of the lock ...
COPY requirements.lock ./
RUN pip wheel --no-cache-dir --require-hashes --requirement requirements.lock --wheel-dir /wheels
COPY pyproject.toml README.md LICENSE ./
COPY config ./config
COPY daemon ./daemon
# ... and from here on nothing comes from elsewhere: of those files, the ones that tapewatch needs to run.
RUN pip install --no-index --find-links /wheels hatchling \
 && pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m venv /opt/tapewatch \
 && /opt/tapewatch/bin/pip install --no-index --find-links /wheels tapewatch

FROM python:3.12-slim
COPY --from=build /opt/tapewatch /opt/tapewatch
RUN useradd --system --uid 10001 --home-dir /var/lib/tapewatch --shell /usr/sbin/nologin tapewatch \
 && install -d -o tapewatch -g tapewatch -m 0700 /var/lib/tapewatch /var/cache/tapewatch
ENV PATH=/opt/tapewatch/bin:$PATH \
    STATE_DIRECTORY=/var/lib/tapewatch \
    CACHE_DIRECTORY=/var/cache/tapewatch
USER tapewatch
VOLUME ["/var/lib/tapewatch", "/var/cache/tapewatch"]
ENTRYPOINT ["tapewatch"]
CMD ["run", "--config", "/etc/tapewatch/config.toml"]
