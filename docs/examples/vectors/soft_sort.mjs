/* SoftSort and its gradient in JavaScript, held against the specification:

     refimpl vectors cases sorting.soft_sort
     mkdir -p results/sorting.soft_sort && cp cases/manifest.json results
     node soft_sort.mjs cases results
     refimpl check results

   P[i, j] = softmax_i(-|s_j - x_i|^p / tau), s the sorted x, for each row of the batch. */
import { readFileSync, writeFileSync } from "node:fs";
import { readNpz, writeNpz } from "./npz.mjs";

/** One row: P (n, n) from x (n), and the gradient of sum(P * cot) with respect to x. */
function softSort(x, { temperature, power, descending }, cot, P, grad) {
  const n = x.length;
  const sign = descending ? -1 : 1;
  const order = [...x.keys()].sort((i, j) => sign * (x[i] - x[j]) || i - j);
  order.forEach((source, j) => {
    const weights = Array.from(x, (v) => Math.exp(-(Math.abs(x[source] - v) ** power) / temperature));
    const sum = weights.reduce((a, b) => a + b);
    const column = weights.map((w) => w / sum);
    const mean = column.reduce((total, p, i) => total + p * cot[i * n + j], 0);
    column.forEach((p, i) => {
      P[i * n + j] = p;
      const d = x[source] - x[i];
      if (d === 0) return; // |d|^p has the derivative 0 there
      const slope = power * Math.abs(d) ** (power - 1) * Math.sign(d);
      const along = (-p * (cot[i * n + j] - mean) * slope) / temperature;
      grad[source] += along;
      grad[i] -= along;
    });
  });
}

const [cases = "cases", results = "results"] = process.argv.slice(2);
const folder = `${cases}/sorting.soft_sort`;
const index = JSON.parse(readFileSync(`${folder}/index.json`, "utf8"));
for (const { file, params } of index.cases) {
  const arrays = readNpz(readFileSync(`${folder}/${file}`));
  const { in_x: x, out_P: right, cot_P: cot = right } = arrays;
  const n = x.shape.at(-1);
  const P = { ...right, data: new right.data.constructor(right.data.length) };
  const grad = { ...x, data: new x.data.constructor(x.data.length) };
  for (let row = 0; row < x.data.length / n; row++) {
    const part = (array, size) => array.data.subarray(row * size, (row + 1) * size);
    const total = new Float64Array(n); // in double, also for float32
    softSort(Float64Array.from(part(x, n)), params, part(cot, n * n), part(P, n * n), total);
    part(grad, n).set(total);
  }
  writeFileSync(`${results}/sorting.soft_sort/${file}`, writeNpz({ out_P: P, grad_x: grad }));
}
