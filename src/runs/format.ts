const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** A count with separators of thousands: `2,113`. */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** A measurement with `digits` significant digits; exponents outside 0.001 to 100,000: `0.0213`, `3.1e-7`. */
export function formatNumber(value: number, { digits = 3 }: { digits?: number } = {}): string {
  if (!Number.isFinite(value)) return String(value).replace("Infinity", "infinite");
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return formatCount(value);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5) return value.toExponential(Math.max(0, digits - 1)).replace("e+", "e");
  return String(Number(value.toPrecision(digits)));
}

/** A change with its sign and two significant digits: `−0.0031`, `+2.9e-4`. */
export function formatSigned(value: number): string {
  return `${value < 0 ? "−" : "+"}${formatNumber(Math.abs(value), { digits: 2 })}`;
}

/** A length of time: `340 ms`, `2.4 s`, `3 min 5 s`, `1 h 12 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
