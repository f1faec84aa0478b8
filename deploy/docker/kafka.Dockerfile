# A stand-in for apache/kafka where no registry can be reached; the build context is the folder with Kafka's jars:
#   docker build -t tidegate-kafka -f deploy/docker/kafka.Dockerfile .cache/kafka/4.3.0
ARG BASE=debian:bookworm-slim
FROM $BASE
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        default-jre-headless && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 1000 appuser && install -d -o appuser /var/lib/kafka/data /etc/kafka
COPY libs /opt/kafka/libs
# As in that image, KAFKA_SOME_NAME is the broker's setting some.name.
RUN printf '%s\n' '#!/bin/bash' 'set -euo pipefail' \
        'env | sed -n "s/^KAFKA_\([A-Z0-9_]*\)=/\1 /p" | while read -r name value; do' \
        '    [ "$name" = HEAP_OPTS ] || { name=${name,,}; echo "${name//_/.}=$value"; }' \
        'done >/etc/kafka/server.properties' \
        'java="java -cp /opt/kafka/libs/*"' 'set -f' \
        '[ -f "$KAFKA_LOG_DIRS/meta.properties" ] ||' \
        '    $java kafka.tools.StorageTool format -t "$CLUSTER_ID" -c /etc/kafka/server.properties' \
        'exec java ${KAFKA_HEAP_OPTS:--Xmx512m} -cp "/opt/kafka/libs/*" kafka.Kafka /etc/kafka/server.properties' \
        >/usr/local/bin/start && chmod +x /usr/local/bin/start
USER appuser
VOLUME /var/lib/kafka/data
CMD ["/usr/local/bin/start"]
