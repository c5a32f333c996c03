#!/bin/sh
# Forms the cluster of the nodes of $NODES (addresses with ports), unless they are one, and ends once they agree on it.
set -eu
cli=$(command -v valkey-cli || command -v redis-cli)

ask() {
    node=$1
    shift
    "$cli" -h "${node%:*}" -p "${node#*:}" "$@" | tr -d '\r'
}

first=${NODES%% *}
if [ "$(ask "$first" cluster info | grep '^cluster_known_nodes:')" = cluster_known_nodes:1 ]; then
    # The list is meant to be split.
    # shellcheck disable=SC2086
    "$cli" --cluster create $NODES --cluster-replicas 1 --cluster-yes
fi
for node in $NODES; do
    tries=0
    until ask "$node" cluster info | grep -q '^cluster_state:ok'; do
        tries=$((tries + 1))
        if [ $tries -gt 60 ]; then
            echo "$node does not see a whole cluster after a minute; its log says more" >&2
            exit 1
        fi
        sleep 1
    done
done
echo "the cluster is whole"
