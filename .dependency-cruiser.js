// The layer rule of the architecture: a room of src/ may use the rooms before it in this list, never those
// after it; method folders never use one another.
const rooms = [
  "engine",
  "numeric",
  "data",
  "models",
  "training",
  "runs",
  "methods",
  "cluster",
  "cli",
  "studio",
];

const layers = rooms.slice(0, -1).map((room, index) => ({
  name: `layer-${room}`,
  severity: "error",
  comment: `src/${room} may not use ${rooms.slice(index + 1).join(", ")}`,
  from: { path: `^src/${room}/`, pathNot: "\\.test\\.ts$" },
  to: { path: `^src/(${rooms.slice(index + 1).join("|")})/` },
}));

export default {
  forbidden: [
    ...layers,
    {
      name: "methods-are-strangers",
      severity: "error",
      comment: "what two methods need moves down into a shared room",
      from: { path: "^src/methods/([^/]+)/" },
      to: { path: "^src/methods/", pathNot: "^src/methods/$1/" },
    },
    {
      name: "no-circular",
      severity: "error",
      comment: "a cycle means two files share one subject",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node"] },
  },
};
