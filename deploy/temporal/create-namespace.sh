#!/bin/sh
# Makes the namespace unless it is there. TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE are read by the CLI too.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 72h
