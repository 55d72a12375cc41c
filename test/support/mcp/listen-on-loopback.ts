import { Server } from 'node:net';

type Listen = (this: Server, ...given: unknown[]) => Server;

/* Preloaded into a server that listens on every address of the machine: it listens on loopback. */
const listen = Reflect.get(Server.prototype, 'listen') as Listen;
const onLoopback: Listen = function onLoopback(port, ...others) {
  const callback = others.find((one) => typeof one === 'function');
  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, callback);
};
Object.assign(Server.prototype, { listen: onLoopback });
