import { fold } from "./fold.ts";
import type { AttributeValue, OnnxFile, OnnxGraph, OnnxNode, Opsets } from "./model.ts";
import type { Call, Operator, Value } from "./operators/call.ts";
import { operatorOf } from "./operators/table.ts";
import { isOpen } from "./validate.ts";

/** Applies a graph to values: the nodes in their order, each by its operator. */

/** The names that a graph sees: its own and those of the graphs around it. */
export interface Scope {
  readonly values: Map<string, Value>;
  readonly around?: Scope;
}

interface Setting {
  readonly file: OnnxFile;
  readonly opsets: Opsets;
  /** What attributes of the function around the nodes are, by name. */
  readonly bindings: ReadonlyMap<string, AttributeValue>;
  /** Nodes applied so far: functions that call functions can stand for more than memory holds. */
  readonly applied: { nodes: number };
}

const mostNodes = 500_000;

/** The outputs of the file's graph, given the values of its inputs and initialisers. */
export function interpret(file: OnnxFile, values: Map<string, Value>): Value[] {
  return runGraph(
    file.graph,
    { values },
    { file, opsets: file.opsets, bindings: new Map(), applied: { nodes: 0 } },
  );
}

function runGraph(graph: Pick<OnnxGraph, "nodes" | "outputs">, scope: Scope, setting: Setting): Value[] {
  for (const node of graph.nodes) runNode(node, scope, setting);
  return graph.outputs.map((name) => lookUp(name, scope));
}

function lookUp(name: string, scope: Scope): Value {
  for (let level: Scope | undefined = scope; level !== undefined; level = level.around) {
    const found = level.values.get(name);
    if (found !== undefined) return found;
  }
  throw new Error(`there is no value named ${JSON.stringify(name)}`);
}

function runNode(node: OnnxNode, scope: Scope, setting: Setting): void {
  try {
    const results = resultsOf(node, scope, setting);
    for (const [i, name] of node.outputs.entries()) {
      const result = results[i];
      if (name === "") continue;
      if (result === undefined) throw new Error(`output ${i} (${name}) is not supported`);
      scope.values.set(name, result);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`node ${JSON.stringify(node.name)} (${node.type}): ${reason}`, { cause });
  }
}

function resultsOf(node: OnnxNode, scope: Scope, setting: Setting): readonly Value[] {
  if (++setting.applied.nodes > mostNodes) throw new Error(`the model applies more than ${mostNodes} nodes`);
  const inputs = node.inputs.map((name) => (name === "" ? undefined : lookUp(name, scope)));
  const attributes = isOpen(node) ? resolveAttributes(node.attributes, setting.bindings) : node.attributes;
  const definition = setting.file.functions.get(`${node.domain}:${node.type}`);
  if (definition !== undefined) {
    const values = new Map<string, Value>();
    for (const [i, name] of definition.inputs.entries()) {
      const input = inputs[i];
      if (input !== undefined) values.set(name, input);
    }
    return runGraph(
      definition,
      { values },
      { ...setting, opsets: definition.opsets, bindings: new Map([...definition.defaults, ...attributes]) },
    );
  }
  const call: Call = {
    node: { ...node, attributes },
    opset: setting.opsets.get(node.domain) ?? 1,
    inputs,
    run: (graph, values) => runNested(graph, values, scope, setting),
  };
  const operator = operatorOf(node);
  const unsupported = isOpen(node) ? operator?.unsupported?.(call.node, call.opset) : undefined;
  if (unsupported !== undefined) throw new Error(unsupported);
  return fold(call) ?? applied(operator, call);
}

function applied(operator: Operator | undefined, call: Call): readonly Value[] {
  if (operator === undefined) throw new Error("the operator is not supported");
  const result = operator.apply(call);
  return isList(result) ? result : [result];
}

function isList(result: Value | readonly Value[]): result is readonly Value[] {
  return Array.isArray(result);
}

function runNested(graph: OnnxGraph, inputs: readonly Value[], around: Scope, setting: Setting): Value[] {
  const values = new Map<string, Value>(graph.initializers);
  for (const [i, { name }] of graph.inputs.entries()) {
    const input = inputs[i];
    if (input !== undefined) values.set(name, input);
  }
  return runGraph(graph, { values, around }, setting);
}

function resolveAttributes(
  attributes: OnnxNode["attributes"],
  bindings: Setting["bindings"],
): ReadonlyMap<string, AttributeValue> {
  const resolved = new Map<string, AttributeValue>();
  for (const [name, attribute] of attributes) {
    const bound = attribute.kind === "reference" ? bindings.get(attribute.value) : attribute;
    if (bound !== undefined) resolved.set(name, bound);
  }
  return resolved;
}
