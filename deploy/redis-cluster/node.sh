#!/bin/sh
# Starts one node. What the environment says goes into a file that the server alone can read: on the command line,
# everybody on the machine could read the passwords.
set -eu
umask 077
# The commands that services need of those that belong to administration: to find their way, and to see the state.
service="~* &* +@all -@admin -@dangerous +info +role +cluster|slots +cluster|shards +cluster|nodes +cluster|info"
cat > node.conf <<END
include /etc/redis-cluster.conf
port $PORT
maxmemory $REDIS_MAXMEMORY
requirepass "$REDIS_PASSWORD"
masterauth "$REDIS_PASSWORD"
user cofferdam on ">$REDIS_SERVICE_PASSWORD" $service
cluster-announce-hostname $REDIS_HOSTNAME
cluster-preferred-endpoint-type $REDIS_ENDPOINT
END
# The image's own start gives the folder to the user of the server and becomes it.
exec docker-entrypoint.sh "$REDIS_SERVER" node.conf
