import type { OnnxFile, OnnxGraph, OnnxNode, Opsets } from "./model.ts";
import { operatorOf } from "./operators/table.ts";

/** What can be wrong with a model before any shape is known. */

const oldestOpset = 11;
const newestOpset = 21;

/** Everything about the file that the reader cannot handle, each with its place; empty for a model it can read. */
export function validate(file: OnnxFile): string[] {
  const problems: string[] = [];
  const outer = new Set<string>();
  checkOpset(file.opsets, "the model", problems);
  checkGraph(file.graph, outer, file, file.opsets, problems);
  for (const [name, definition] of file.functions) {
    checkOpset(definition.opsets, `function ${name}`, problems);
    const body = { ...definition, declared: new Set(definition.inputs) };
    checkGraph(body, outer, file, definition.opsets, problems);
  }
  if (recursive(file)) problems.push("its functions call one another in a circle");
  return problems;
}

function checkOpset(opsets: Opsets, owner: string, problems: string[]): void {
  const version = opsets.get("");
  if (version !== undefined && (version < oldestOpset || version > newestOpset))
    problems.push(`${owner} uses operator set ${version}; ${oldestOpset} to ${newestOpset} are supported`);
}

function checkGraph(
  graph: Pick<OnnxGraph, "nodes" | "outputs" | "declared">,
  around: ReadonlySet<string>,
  file: OnnxFile,
  opsets: Opsets,
  problems: string[],
): void {
  const known = new Set([...around, ...graph.declared]);
  const own = new Set(graph.declared);
  for (const node of graph.nodes) {
    checkNode(node, file, opsets, problems);
    for (const name of node.inputs)
      if (name !== "" && !known.has(name))
        problems.push(`${place(node)} reads ${JSON.stringify(name)}, which nothing before it makes`);
    for (const attribute of node.attributes.values())
      if (attribute.kind === "graph") checkGraph(attribute.value, known, file, opsets, problems);
    for (const name of node.outputs) {
      if (name !== "" && own.has(name))
        problems.push(`${place(node)} makes ${JSON.stringify(name)}, which is there already`);
      own.add(name);
      known.add(name);
    }
  }
  for (const name of graph.outputs)
    if (!known.has(name)) problems.push(`output ${JSON.stringify(name)} is made by no node`);
}

function place(node: OnnxNode): string {
  const domain = node.domain === "" ? "" : `${node.domain}.`;
  return `node ${JSON.stringify(node.name)} (${domain}${node.type})`;
}

function checkNode(node: OnnxNode, file: OnnxFile, opsets: Opsets, problems: string[]): void {
  if (file.functions.has(`${node.domain}:${node.type}`)) return;
  const operator = operatorOf(node);
  const version = opsets.get(node.domain);
  if (operator === undefined) problems.push(`${place(node)}: the operator is not supported`);
  else if (version === undefined)
    problems.push(`${place(node)}: the model does not say which version of its operator set it uses`);
  else {
    // What a function's caller decides is checked when the function is applied.
    const reason = isOpen(node) ? undefined : reasonOf(() => operator.unsupported?.(node, version));
    if (reason !== undefined) problems.push(`${place(node)}: ${reason}`);
  }
}

/** Whether attributes of the node are those of the function around it. */
export function isOpen({ attributes }: OnnxNode): boolean {
  return [...attributes.values()].some(({ kind }) => kind === "reference");
}

function reasonOf(check: () => string | undefined): string | undefined {
  try {
    return check();
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** Whether any function calls itself, over however many others. */
function recursive({ functions }: OnnxFile): boolean {
  const finished = new Set<string>();
  const open = new Set<string>();
  const visit = (name: string): boolean => {
    const definition = functions.get(name);
    if (definition === undefined || finished.has(name)) return false;
    if (open.has(name)) return true;
    open.add(name);
    const circle = allNodes(definition.nodes).some((node) => visit(`${node.domain}:${node.type}`));
    open.delete(name);
    finished.add(name);
    return circle;
  };
  return [...functions.keys()].some(visit);
}

/** The nodes and those of the graphs nested in them. */
function allNodes(nodes: readonly OnnxNode[]): OnnxNode[] {
  return nodes.flatMap((node) => [
    node,
    ...[...node.attributes.values()].flatMap((attribute) =>
      attribute.kind === "graph" ? allNodes(attribute.value.nodes) : [],
    ),
  ]);
}

/**
 * Initialisers that have to be known when the graph is built (the scales of a Resize, what a shape is computed from):
 * they are no parameters. Names of nested graphs are taken together with those around them; they differ.
 */
export function staticInitializers(file: OnnxFile): Set<string> {
  const known = new Set<string>();
  const constants = new Set<string>();
  const add = (node: OnnxNode, inputs: readonly number[] | undefined, names: Set<string>): void => {
    for (const input of inputs ?? []) {
      const name = node.inputs[input] ?? "";
      if (name !== "") names.add(name);
    }
  };
  for (const node of allNodes(file.graph.nodes).toReversed()) {
    const operator = operatorOf(node);
    add(node, operator?.staticInputs, known);
    add(node, operator?.constantInputs, constants);
    // Of what Shape and Size read only the shape is needed, which is always known.
    if (node.type !== "Shape" && node.type !== "Size" && node.outputs.some((name) => known.has(name)))
      add(node, [...node.inputs.keys()], known);
  }
  return new Set([...known, ...constants]);
}
