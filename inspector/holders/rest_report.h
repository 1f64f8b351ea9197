/*
 * rest_report: what nothing reaches, and what is reached and no Python's, as facts.
 */
#ifndef INSPECTOR_HOLDERS_REST_REPORT_H
#define INSPECTOR_HOLDERS_REST_REPORT_H

#include "inspector/holders/graph.h"

/* Fills garbage, frozen, leaked, unreached, lost and native of *ret, and of the graph garbage and frozen. ERROR_RESOURCE. */
struct error *rest_report(struct graph *graph, struct holders *ret) MUST_CHECK;

#endif
