# Two stages: the first builds a virtual environment from pinned, hashed versions; the second only carries it.
FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/opsbell
COPY requirements/run.txt requirements/run.txt
RUN /opt/opsbell/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY handlers handlers
COPY domain domain
COPY notifications notifications
COPY gateways gateways
COPY storage storage
RUN /opt/opsbell/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home opsbell
COPY --from=build /opt/opsbell /opt/opsbell
ENV PATH=/opt/opsbell/bin:$PATH OPSBELL_LISTEN=0.0.0.0:8080 OPSBELL_DATABASE_URL=sqlite:////data/opsbell.db
USER opsbell
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; at = os.environ.get('OPSBELL_ADMIN_LISTEN') or os.environ['OPSBELL_LISTEN']; r.urlopen(f'http://127.0.0.1:{at.rpartition(chr(58))[2]}/ready', timeout=4)"]
CMD ["opsbell", "run"]
