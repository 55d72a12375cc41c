/** What a gateway counts of itself. */
export interface GatewayMetrics {
  readonly countAnswer: (status: number) => void;
  /** In Prometheus' text exposition format 0.0.4. */
  readonly text: () => string;
}

export function createGatewayMetrics(openStreams: () => number): GatewayMetrics {
  const answers = new Map<number, number>();
  return {
    countAnswer(status) {
      answers.set(status, (answers.get(status) ?? 0) + 1);
    },
    text() {
      const { rss, heapUsed } = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      const byStatus = [...answers].map(([status, count]) => [`{status="${status}"}`, count] as const);
      return [
        ...metric('process_uptime_seconds', 'gauge', 'Since the process started.', [['', process.uptime()]]),
        ...metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', [['', rss]]),
        ...metric('nodejs_heap_size_used_bytes', 'gauge', 'JavaScript heap in use.', [['', heapUsed]]),
        ...metric('process_cpu_seconds_total', 'counter', 'CPU time, user and system.', [['', (user + system) / 1e6]]),
        ...metric('perdure_gateway_open_streams', 'gauge', 'Event streams and waiting senders.', [['', openStreams()]]),
        ...metric('perdure_gateway_answers_total', 'counter', 'HTTP answers by status.', byStatus),
        '',
      ].join('\n');
    },
  };
}

function metric(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  samples: readonly (readonly [labels: string, value: number])[],
): string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(([labels, value]) => `${name}${labels} ${value}`),
  ];
}
