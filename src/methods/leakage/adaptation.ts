import type { DefencePlan } from "./defences/parse.ts";
import type { RecoverOptions } from "./recover.ts";

/** What an attacker does who knows the defence: entries that were not sent tell nothing, nor does a length that was cut. */
export function adaptationTo({ defences }: Pick<DefencePlan, "defences">): {
  readonly options: Pick<RecoverOptions, "mask" | "distance">;
  readonly distance: "squared" | "cosine";
  readonly words?: string;
} {
  const kinds = new Set(defences.flatMap(({ effects }) => effects.map(({ kind }) => kind)));
  const isPruned = kinds.has("selection") || kinds.has("hiding");
  const isClipped = kinds.has("scaling");
  const words = [
    ...(isPruned ? ["matches only the entries that were sent"] : []),
    ...(isClipped ? ["matches the gradient's direction instead of its length"] : []),
  ];
  return {
    distance: isClipped ? "cosine" : "squared",
    options: { ...(isPruned && { mask: "sent" }), ...(isClipped && { distance: "cosine" }) },
    ...(words.length > 0 && { words: words.join(" and ") }),
  };
}
