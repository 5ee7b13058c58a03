/**
 * Trees: nested plain objects and arrays of leaves, as parameters of a model are. The functions keep the tree's type.
 */
import { withCallerLine } from "./errors.ts";

/** Values at the ends of a tree: whatever is not an array or a plain object, and anything with a `dtype` and a `shape`. */
export type Tree<Leaf> = Leaf | readonly Tree<Leaf>[] | { readonly [key: string]: Tree<Leaf> };

/** A tree of objects whose depth and names are known at run time only, as the parameters of any model. */
export type Named<Leaf> = { readonly [name: string]: Leaf | Named<Leaf> };

/** `T` with every leaf of type `Leaf` replaced by `To`. */
export type MapLeaves<T, Leaf, To> = T extends Leaf
  ? To
  : T extends readonly unknown[]
    ? { [K in keyof T]: MapLeaves<T[K], Leaf, To> }
    : ContainsItself<T> extends true
      ? Named<To>
      : T extends object
        ? { [K in keyof T]: MapLeaves<T[K], Leaf, To> }
        : never;

/** The type of the leaves of a tree. */
export type LeafOf<T> = T extends { readonly dtype: unknown; readonly shape: unknown }
  ? T
  : T extends readonly (infer Item)[]
    ? LeafOf<Item>
    : ContainsItself<T> extends true
      ? LeafOf<Exclude<T[keyof T], T>>
      : T extends object
        ? LeafOf<T[keyof T]>
        : T;

/** Whether `T` is a type like {@link Named}, which would take the recursion over its members to no end. */
type ContainsItself<T> = string extends keyof T ? (T extends T[keyof T] ? true : false) : false;

function isBranch(value: unknown): value is readonly unknown[] | Record<string, unknown> {
  if (Array.isArray(value)) return true;
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !("dtype" in value && "shape" in value);
}

/**
 * The leaves of a tree, in the order of its arrays and of its objects' keys as written.
 *
 * @example leaves({ w: a, layers: [b, c] }) // [a, b, c]
 */
export function leaves<T>(tree: T): LeafOf<T>[] {
  const out: unknown[] = [];
  const visit = (value: unknown): void => {
    if (!isBranch(value)) out.push(value);
    else for (const item of Array.isArray(value) ? value : Object.values(value)) visit(item);
  };
  visit(tree);
  return out as LeafOf<T>[];
}

/**
 * The leaves of `value` in the order of those of `like`: keys are matched by name, not by the order they were written in.
 *
 * @throws TypeError naming the path where the structures differ
 */
export function leavesLike<T>(like: unknown, value: T): LeafOf<T>[] {
  const out: unknown[] = [];
  const visit = (model: unknown, part: unknown, path: Path | undefined): void => {
    if (!isBranch(model)) {
      if (isBranch(part)) throw mismatch(path, "a leaf", "a branch");
      out.push(part);
      return;
    }
    const keys = Object.keys(model);
    if (!isBranch(part)) throw mismatch(path, `keys ${keys.join(", ")}`, "a leaf");
    if (!sameKeys(keys, model, part))
      throw mismatch(path, `keys ${keys.join(", ")}`, `keys ${Object.keys(part).join(", ")}`);
    for (const key of keys)
      visit((model as Record<string, unknown>)[key], (part as Record<string, unknown>)[key], {
        parent: path,
        key,
      });
  };
  visit(like, value, undefined);
  return out as LeafOf<T>[];
}

function sameKeys(keys: readonly string[], model: object, part: object): boolean {
  return (
    Array.isArray(model) === Array.isArray(part) &&
    Object.keys(part).length === keys.length &&
    keys.every((key) => Object.hasOwn(part, key))
  );
}

/**
 * The path of every leaf, `layers.0.weight`, in the order of {@link leaves}; "" for a tree that is one leaf. A dot or
 * backslash within a key is written with a backslash before it, so that no two leaves have one path.
 */
export function paths(tree: unknown): string[] {
  const out: string[] = [];
  const visit = (value: unknown, path: string | undefined): void => {
    if (!isBranch(value)) out.push(path ?? "");
    else for (const [key, item] of Object.entries(value)) visit(item, join(path, key));
  };
  visit(tree, undefined);
  return out;
}

/** The way to a place of a tree, for messages: its text is made only where there is something to tell. */
interface Path {
  readonly parent: Path | undefined;
  readonly key: string;
}

function textOf(path: Path): string {
  return join(path.parent && textOf(path.parent), path.key);
}

/** The path of the child `key`; `path` is `undefined` at the root. */
function join(path: string | undefined, key: string): string {
  const escaped = key.replace(/[\\.]/g, "\\$&");
  return path === undefined ? escaped : `${path}.${escaped}`;
}

/**
 * A tree of the same structure with `f` applied to every leaf; with more trees, `f` gets their leaves at the same place.
 *
 * @throws TypeError naming the path where the trees' structures differ
 * @example map((p, g) => p.sub(g.mul(0.1)), parameters, gradients)
 */
export function map<T, R, Rest extends readonly unknown[]>(
  f: (leaf: LeafOf<NoInfer<T>>, ...others: { [K in keyof Rest]: LeafOf<Rest[K]> }) => R,
  tree: T,
  ...rest: Rest
): MapLeaves<T, LeafOf<T>, R> {
  const call = f as (...leaves: readonly unknown[]) => R;
  const visit = (values: readonly unknown[], path: Path | undefined): unknown => {
    const [first, ...others] = values;
    if (!isBranch(first)) {
      for (const other of others) if (isBranch(other)) throw mismatch(path, "a leaf", "a branch");
      return call(...values);
    }
    const keys = Object.keys(first);
    for (const other of others) {
      if (!isBranch(other)) throw mismatch(path, `keys ${keys.join(", ")}`, "a leaf");
      if (!sameKeys(keys, first, other))
        throw mismatch(path, `keys ${keys.join(", ")}`, `keys ${Object.keys(other).join(", ")}`);
    }
    const children = keys.map((key) =>
      visit(
        values.map((value) => (value as Record<string, unknown>)[key]),
        { parent: path, key },
      ),
    );
    return Array.isArray(first) ? children : Object.fromEntries(keys.map((key, i) => [key, children[i]]));
  };
  return visit([tree, ...rest], undefined) as MapLeaves<T, LeafOf<T>, R>;
}

/** A tree whose leaves are arrays of the leaves at the same place of `first` and `second`. */
export function zip<A, B>(first: A, second: B): MapLeaves<A, LeafOf<A>, readonly [LeafOf<A>, LeafOf<B>]> {
  return map((a: LeafOf<A>, b: LeafOf<B>) => pair(a, b), first, second) as MapLeaves<
    A,
    LeafOf<A>,
    readonly [LeafOf<A>, LeafOf<B>]
  >;
}

function pair<A, B>(a: A, b: B): readonly [A, B] {
  return [a, b];
}

/**
 * A tree of the structure of `like` with the given leaves, in the order of {@link leaves}.
 *
 * @throws TypeError when their number is not the tree's
 */
export function unflatten<T, R>(like: T, flat: readonly R[]): MapLeaves<T, LeafOf<T>, R> {
  const count = leaves(like).length;
  if (flat.length !== count)
    throw new TypeError(withCallerLine(`tree: ${flat.length} leaves for a tree that has ${count}`));
  let next = 0;
  return map(() => flat[next++] as R, like);
}

function mismatch(path: Path | undefined, expected: string, found: string): TypeError {
  const place = path === undefined ? "the root" : textOf(path);
  return new TypeError(
    withCallerLine(`tree: the structures differ at ${place}: ${expected} against ${found}`),
  );
}
