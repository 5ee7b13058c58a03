/** The networks that an audit attacks. */
export const attackedModels = ["lenet"] as const;
export type AttackedModel = (typeof attackedModels)[number];

/** The image shape that each takes: `[channels, height, width]`. */
export const modelInputs = { lenet: [3, 32, 32] } as const satisfies Record<
  AttackedModel,
  readonly [1 | 3, number, number]
>;
