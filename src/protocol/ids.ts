/** Strings that must not be confused with each other. Made by the functions below, which check limit L06 (255 bytes). */
export type TaskId = string & { readonly __id: 'task' }
export type TaskName = string & { readonly __id: 'task-name' }
export type GroupId = string & { readonly __id: 'group' }
export type QueueName = string & { readonly __id: 'queue' }
export type NodeName = string & { readonly __id: 'node' }
