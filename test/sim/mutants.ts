/**
 * A deliberate bug: one place in one compiled file, changed while it is loaded. Each must break an invariant within 2,000
 * seeds (§13.10); one that survives is a bug in the laboratory.
 */
export interface Mutant {
  readonly name: string
  /** Below `src/`, compiled. */
  readonly file: string
  /** Must be there exactly once; indentation does not matter. */
  readonly find: string
  readonly replace: string
  /** A seed up to 2,000 that has found it, tried before the others; when it does not any more, they all are. */
  readonly foundBy?: number
}

export const MUTANTS: readonly Mutant[] = Object.freeze([
  // The order of effects
  {
    name: 'ack-before-store',
    foundBy: 27,
    file: 'worker/settle.js',
    find: "...afterSuccess(value, meta, context),\nemit({ type: 'task-succeeded', result: value, runtime }),\n...ackIfLate(context),\n];",
    replace:
      "...afterSuccess(value, meta, context),\nemit({ type: 'task-succeeded', result: value, runtime }),\n].toSorted((a, b) => (b.kind === 'ack') - (a.kind === 'ack')).concat(ackIfLate(context)).toSorted((a, b) => (b.kind === 'ack') - (a.kind === 'ack'));",
  },
  {
    name: 'callbacks-before-store',
    file: 'worker/settle.js',
    find: '...storeUnlessIgnored(meta, false, context),\n...afterSuccess(value, meta, context),',
    replace: '...afterSuccess(value, meta, context),\n...storeUnlessIgnored(meta, false, context),',
  },
  {
    name: 'dead-letter-after-ack',
    foundBy: 49,
    file: 'worker/settle.js',
    find: "return context.late ? [...effects, ...deadLetter('rejected', reason, context), { kind: 'ack' }] : effects;",
    replace:
      "return context.late ? [...effects, { kind: 'ack' }, ...deadLetter('rejected', reason, context)] : effects;",
  },
  {
    name: 'malformed-acked-unwritten',
    foundBy: 27,
    file: 'worker/teller.js',
    find: "if (written === 'written')\nawait ackAll([delivery]);",
    replace: 'if (true)\nawait ackAll([delivery]);',
  },
  {
    name: 'malformed-acked-first',
    foundBy: 27,
    file: 'worker/teller.js',
    find: 'const written = await writeDeadLetter(delivery.message, record',
    replace: 'await ackAll([delivery]);\nconst written = await writeDeadLetter(delivery.message, record',
  },
  {
    name: 'retry-without-intent',
    foundBy: 27,
    file: 'worker/settle.js',
    find: "const meta = resultRecord('RETRY', { error, traceback: wish.traceback, children: [...children, own], intent }, context);",
    replace:
      "const meta = resultRecord('RETRY', { error, traceback: wish.traceback, children: [...children, own] }, context);",
  },
  {
    name: 'retry-acked-before-published',
    foundBy: 76,
    file: 'worker/settle.js',
    find: "emit({ type: 'task-retried', error: wish.error, traceback: wish.traceback, delay: plan.delay }),\n...ackIfLate(context),\n];",
    replace:
      "emit({ type: 'task-retried', error: wish.error, traceback: wish.traceback, delay: plan.delay }),\n].toSpliced(1, 0, ...ackIfLate(context));",
  },
  {
    name: 'replay-forgets-callbacks',
    foundBy: 27,
    file: 'worker/settle.js',
    find: "return [...afterSuccess(stored.result, stored, context), { kind: 'ack' }];",
    replace: "return [{ kind: 'ack' }];",
  },
  {
    name: 'replay-forgets-retry',
    foundBy: 27,
    file: 'worker/settle.js',
    find: "return [publishRetry(stored.intent, context), { kind: 'ack' }];",
    replace: "return [{ kind: 'ack' }];",
  },
  {
    name: 'requeue-is-ack',
    foundBy: 7,
    file: 'worker/settle.js',
    find: "return [emit({ type: 'task-rejected', requeue: true }), { kind: 'requeue', counted: true, delay: undefined }];\n}\nfunction timedOut",
    replace: "return [emit({ type: 'task-rejected', requeue: true }), { kind: 'ack' }];\n}\nfunction timedOut",
  },
  // Admission
  {
    name: 'runs-what-has-ended',
    foundBy: 24,
    file: 'worker/decided.js',
    find: 'if (isFinal(stored.status))\nreturn true;',
    replace: '',
  },
  {
    name: 'runs-what-was-retried',
    foundBy: 27,
    file: 'worker/decided.js',
    find: 'return nesting === request.replacedTaskNesting && intent.retries > request.retries;',
    replace: 'return false;',
  },
  {
    name: 'no-adoption',
    foundBy: 32,
    file: 'worker/admit.js',
    find: "if (facts.here === 'running')",
    replace: 'if (false)',
  },
  {
    name: 'eta-ignored',
    foundBy: 4,
    file: 'worker/admit.js',
    find: 'if (request.eta !== undefined && request.eta > now)',
    replace: 'if (false)',
  },
  {
    name: 'eta-of-hours-parked-for-seconds',
    foundBy: 10,
    file: 'worker/admit.js',
    find: 'const delay = eta - facts.now;',
    replace:
      'const delay = (eta - facts.now) / 2;\nif (!facts.canPark) return { kind: "hold", until: facts.now + delay };',
  },
  {
    name: 'one-delivery-more',
    foundBy: 63,
    file: 'app/task-policy.js',
    find: 'maxDeliveries: options.maxDeliveries ?? settings.taskMaxDeliveries,',
    replace: 'maxDeliveries: (options.maxDeliveries ?? settings.taskMaxDeliveries) + 1,',
  },
  // Intake
  {
    name: 'expiry-not-looked-at-again',
    foundBy: 15,
    file: 'worker/executions.js',
    find: 'if (request.expires !== undefined && this.#parts.runtime.clock.now() > request.expires)',
    replace: 'if (false)',
  },
  {
    name: 'revoke-not-looked-at-again',
    foundBy: 300,
    file: 'worker/executions.js',
    find: "if (this.#parts.revocations.has(request))\nreturn { kind: 'revoked' };",
    replace: '',
  },
  {
    name: 'early-ack-not-awaited',
    file: 'worker/executions.js',
    find: 'if (!running.late && !(await this.#ackEarly(running)))',
    replace: 'if (!running.late && !this.#ackEarly(running))',
  },
  {
    name: 'early-ack-runs-what-is-gone',
    foundBy: 252,
    file: 'worker/executions.js',
    find: "return settled.includes('settled');",
    replace: 'return true;',
  },
  {
    name: 'finished-forgotten',
    foundBy: 682,
    file: 'worker/custody.js',
    find: 'this.#finished.set(running.key, messageIdOf(running) ?? null, this.#parts.clock.steady());',
    replace: '',
  },
  {
    name: 'busy-slot-lost',
    foundBy: 2,
    file: 'worker/executions.js',
    find: 'this.#busy--;',
    replace: 'if (running.request.retries === 0) this.#busy--;',
  },
  // Effects
  {
    name: 'refused-store-ends-it',
    foundBy: 334,
    file: 'worker/perform.js',
    find: 'if (stored !== undefined && (isLatest ? decided(stored, running.request) : isFinal(stored.status))) {',
    replace: 'if (false) {',
  },
  {
    name: 'store-given-up-is-done',
    foundBy: 32,
    file: 'worker/persist.js',
    find: "if (left <= 0)\nreturn { kind: 'late', error };",
    replace: "if (left <= 0)\nreturn { kind: 'done', value: undefined };",
  },
  {
    name: 'hand-back-is-ack',
    foundBy: 32,
    file: 'worker/perform.js',
    find: 'await requeue(running, false, HAND_BACK_DELAY);',
    replace: 'await ackEach(running);',
  },
  {
    name: 'callbacks-forgotten',
    file: 'worker/aftermath.js',
    find: ', ...followers([value], context).flatMap(({ effects }) => effects)]',
    replace: ']',
  },
  {
    name: 'chain-of-two',
    foundBy: 3,
    file: 'worker/aftermath.js',
    find: 'const rest = laterSteps(chain);',
    replace: 'const rest = [];',
  },
  {
    name: 'chain-failure-untold',
    foundBy: 3,
    file: 'worker/aftermath.js',
    find: '...allSteps(chain).flatMap(step => failCanvas(step, { ...meta, children: undefined }, context)),',
    replace: '',
  },
  {
    name: 'errbacks-forgotten',
    foundBy: 5,
    file: 'worker/aftermath.js',
    find: '...tellErrbacks(errbacks.map(errback => ({ id, errback })), error, meta.traceback, context),',
    replace: '',
  },
  {
    name: 'ids-drawn-anew',
    file: 'canvas/freeze.js',
    find: 'const signature = inPlace(task, { ...place, taskId: id }, this.#parts.replyTo);',
    replace:
      'const signature = inPlace(inPlace({ ...task, options: { ...task.options, task_id: undefined } }, { taskId: this.draw() }), place, this.#parts.replyTo);',
  },
  {
    name: 'chord-closed-before-its-body',
    foundBy: 105,
    file: 'worker/aftermath.js',
    find: "return [...follow(named, [values], 'chord-body', context, { base: chord }).effects, close];",
    replace: "return [close, ...follow(named, [values], 'chord-body', context, { base: chord }).effects];",
  },
  {
    name: 'chord-runs-over-a-failed-part',
    foundBy: 2,
    file: 'worker/aftermath.js',
    find: "const failed = parts.find(part => part.status !== 'SUCCESS');",
    replace: 'const failed = undefined;',
  },
  // Chords, results
  {
    name: 'chord-counts-arrivals',
    foundBy: 77,
    file: 'backends/memory/chord-count.js',
    find: 'this.#parts.set(this.#added.has(taskId) ? taskId : (index ?? taskId), { index, taskId, meta });',
    replace: 'this.#parts.set(this.#parts.size, { index, taskId, meta });',
  },
  {
    name: 'chord-by-arrival',
    foundBy: 11,
    file: 'backends/memory/chord-count.js',
    find: '(a.index ?? Infinity) - (b.index ?? Infinity) || 0',
    replace: '0',
  },
  {
    name: 'no-fence',
    foundBy: 413,
    file: 'backends/judge-store.js',
    find: 'if (isOlder(next.fence, stored.fence))',
    replace: 'if (false)',
  },
  {
    name: 'success-overwritten',
    foundBy: 197,
    file: 'backends/judge-store.js',
    find: "if (stored.status === 'SUCCESS')",
    replace: 'if (false)',
  },
  // Spool, session
  {
    name: 'spool-never-drained',
    foundBy: 88,
    file: 'worker/worker.js',
    find: 'const redone = await engine.spool.drain();',
    replace: 'const redone = 0;',
  },
  {
    name: 'cancelled-consumer-unnoticed',
    foundBy: 59,
    file: 'worker/session.js',
    find: 'await connection[Symbol.asyncDispose]();\nconst reason = await connection.closed;',
    replace: 'const reason = await connection.closed;',
  },
  {
    name: 'reconnects-once',
    foundBy: 5,
    file: 'worker/session.js',
    find: 'for (let tries = 0; !signal.aborted; tries++) {',
    replace: 'for (let tries = 0; !signal.aborted && tries < 1; tries++) {',
  },
  {
    name: 'alarm-rings-once',
    foundBy: 4,
    file: 'worker/alarm.js',
    find: 'this.#ring(next.item);\n}\nthis.#arm();',
    replace: 'this.#ring(next.item);\n}',
  },
  // Publisher
  {
    name: 'doubt-is-acceptance',
    foundBy: 32,
    file: 'app/publisher.js',
    find: 'if (error instanceof PublishUnknownError)',
    replace:
      'if (error instanceof PublishUnknownError) error = undefined;\nif (error === undefined) return this.#end(entry, undefined);\nif (error instanceof PublishUnknownError)',
  },
  {
    name: 'doubt-is-denial',
    foundBy: 343,
    file: 'app/publisher.js',
    find: "if (entry.doubt !== undefined)\nreturn unknown('the broker did not answer', entry.doubt);",
    replace: "if (entry.doubt !== undefined) return notSent('the broker did not answer', error, true);",
  },
  // Store
  {
    name: 'no-publish-dedupe',
    foundBy: 27,
    file: 'brokers/memory/memory-core.js',
    find: 'if (this.#published.has(entry.publishId, now.steady))',
    replace: 'if (false)',
  },
  {
    name: 'faults-uncounted',
    foundBy: 3,
    file: 'brokers/memory/memory-core.js',
    find: 'if (counted)\nentry.faults++;',
    replace: '',
  },
  {
    name: 'dead-holders-live-on',
    foundBy: 1427,
    file: 'brokers/memory/memory-core.js',
    find: 'holder.held.clear();',
    replace: '',
  },
  {
    name: 'sweep-takes-from-the-living',
    foundBy: 4,
    file: 'brokers/memory/memory-core.js',
    find: 'return leaseEnds <= this.#clock.steady();',
    replace: 'return leaseEnds <= this.#clock.steady() + 0.85 * this.#leaseMs;',
  },
  {
    name: 'never-sweeps',
    foundBy: 3,
    file: 'brokers/memory/memory-session.js',
    find: 'this.#options.sweep(this.#core, this.#runtime.clock);',
    replace: ';',
  },
  {
    name: 'renews-only-when-idle',
    foundBy: 39,
    file: 'brokers/memory/memory-session.js',
    find: 'if (!this.#core.renew(this.#holder)) {',
    replace: 'if (this.#holder.held.size === 0 && !this.#core.renew(this.#holder)) {',
  },
  {
    name: 'lost-lease-unnoticed',
    foundBy: 207,
    file: 'brokers/memory/memory-session.js',
    find: 'if (!this.#core.renew(this.#holder)) {\nthis.#lose();\nreturn;\n}',
    replace: 'this.#core.renew(this.#holder);',
  },
  {
    name: 'return-wakes-nobody',
    foundBy: 41,
    file: 'brokers/memory/memory-core.js',
    find: 'this.#deleteOwned(holder);\nfor (const queue of touched)\nthis.#waiting.wake(queue);',
    replace: 'this.#deleteOwned(holder);',
  },
  {
    name: 'original-acked-before-its-copy',
    foundBy: 74,
    file: 'brokers/amqp/move-delivery.js',
    find: 'await mover.publish(copyOf(message, past, wait > 0), to);\nreturn await delivery.settleOriginal();',
    replace:
      'const settled = await delivery.settleOriginal();\nawait mover.publish(copyOf(message, past, wait > 0), to);\nreturn settled;',
  },
  {
    name: 'claims-of-one-instant-are-one',
    foundBy: 1069,
    file: 'brokers/amqp/claim-numbers.js',
    find: 'const tie = this.#tie;',
    replace: 'const tie = 0;',
  },
  {
    name: 'copy-runs-unasked',
    foundBy: 1604,
    file: 'worker/executions.js',
    find: 'return !copied || !(await this.#parts.toldMeanwhile(running));',
    replace: 'return true;',
  },
  {
    name: 'window-never-opens-again',
    foundBy: 27,
    file: 'brokers/virtual/consumer.js',
    find: 'this.#held--;',
    replace: 'if (delivery.faults === 0) this.#held--;',
  },
  {
    name: 'pop-then-record',
    foundBy: 5,
    file: 'brokers/memory/memory-core.js',
    find: 'holder.held.set(token, entry);',
    replace: 'if (this.#claims % 50 !== 0) holder.held.set(token, entry);',
  },
  {
    name: 'dead-letter-trimmed',
    foundBy: 18,
    file: 'protocol/dead-letter.js',
    find: 'properties, body: message.body };',
    replace: 'properties, body: message.body.subarray(0, 16) };',
  },
  // Children of a pool
  {
    name: 'calls-ahead-die-with-their-child',
    foundBy: 188,
    file: 'pools/child.js',
    find: 'this.#owner.ended(this, exit);\nthis.execution = undefined;\nthis.takeBack();',
    replace: 'this.#owner.ended(this, exit);\nthis.execution = undefined;',
  },
  {
    name: 'calls-ahead-are-called-lost',
    foundBy: 188,
    file: 'pools/child.js',
    find: 'this.#owner.ended(this, exit);\nthis.execution = undefined;\nthis.takeBack();',
    replace:
      'this.#owner.ended(this, exit);\nthis.execution = undefined;\nfor (const one of this.#ahead) one.lost(exit);\nthis.takeBack();',
  },
  {
    name: 'slot-of-a-dead-child-stays-empty',
    foundBy: 18,
    file: 'pools/child-pool.js',
    find: 'exit}.`);\nthis.#fill();',
    replace: 'exit}.`);',
  },
  {
    name: 'death-of-a-child-takes-its-neighbours-calls',
    foundBy: 53,
    file: 'pools/child-pool.js',
    find: 'child.execution?.lost(exit);',
    replace: 'for (const one of [child, ...this.#children]) one.execution?.lost(exit);',
  },
  {
    name: 'loss-with-a-child-is-not-counted',
    foundBy: 102,
    file: 'worker/settle.js',
    find: "if (context.late && context.policy.rejectOnWorkerLost) {\nreturn [emit({ type: 'task-rejected', requeue: true }), { kind: 'requeue', counted: true,",
    replace:
      "if (context.late && context.policy.rejectOnWorkerLost) {\nreturn [emit({ type: 'task-rejected', requeue: true }), { kind: 'requeue', counted: false,",
  },
  {
    name: 'calls-ahead-wait-for-a-frozen-child',
    foundBy: 126,
    file: 'pools/child.js',
    find: 'this.#line.caughtUp(() => this.#caughtUp());',
    replace: 'this.#catchingUp = false;',
  },
  {
    name: 'retiring-child-is-given-more',
    foundBy: 136,
    file: 'pools/child.js',
    find: 'this.stays &&\nthis.#recalled === undefined',
    replace: 'this.#recalled === undefined',
  },
  {
    name: 'retiring-child-leaves-its-calls',
    foundBy: 41,
    file: 'pools/child-pool.js',
    find: 'else if (child.execution === undefined && !message.leaves)\nchild.leave(LEAVE_LIMIT);',
    replace: 'else if (!message.leaves) child.leave(LEAVE_LIMIT);',
  },
])
