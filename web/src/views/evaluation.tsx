import type { Schemas } from "../api/client";
import { Table } from "../components/basics";
import { logarithmic, PERCENT, Plot, x, y } from "../components/plot";

type Evaluation = Pick<Schemas["Evaluation"], "levels" | "deciles" | "unit" | "widths" | "method" | "measures"> & {
  baselines: Record<string, Pick<Schemas["BaselineMeasures"], "wape" | "modelIs">>;
};

const WAYS: Record<string, string> = {
  categoryMean: "mean of the category",
  colours: "colours of the photo alone",
  nearest: "mean of the photos most alike",
  priceAndCategory: "price and category alone",
};
const percent = (share: number) => `${(share * 100).toFixed(1)}\u00a0%`;
const line = (points: [number, number][]) => points.map(([across, up]) => `${x(across)},${y(up)}`).join(" ");

/** The curves of an evaluation, each with its figures as a table. */
export function Curves({ evaluation }: { evaluation: Evaluation }) {
  return (
    <div className="plots">
      {evaluation.levels.length > 0 && <Coverage levels={evaluation.levels} />}
      {evaluation.deciles.length > 0 && <Sales deciles={evaluation.deciles} unit={evaluation.unit} />}
      <Methods evaluation={evaluation} />
      <Compared evaluation={evaluation} />
    </div>
  );
}

function Coverage({ levels }: { levels: Evaluation["levels"] }) {
  const above = levels.map((one): [number, number] => [one.level, one.chanceHigh]);
  const below = levels.map((one): [number, number] => [one.level, one.chanceLow]).reverse();
  return (
    <figure>
      <h3>Do intervals hold what they promise?</h3>
      <Plot
        title="Coverage reached by coverage asked for"
        about="On the dashed line, intervals contain as many rows as was asked for; in the shaded area the difference is chance."
        across="coverage asked for"
        up="coverage reached"
        ticks={{ across: PERCENT, up: PERCENT }}
      >
        <polygon className="chance" points={line([...above, ...below])} />
        <line className="ideal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
        <polyline className="curve" points={line(levels.map((one) => [one.level, one.inside]))} />
        {levels.map((one) => (
          <circle key={one.level} className="point" cx={x(one.level)} cy={y(one.inside)} r="3.5" />
        ))}
      </Plot>
      <figcaption className="small">On the dashed line it is as asked; the shaded area is what chance explains.</figcaption>
      <details>
        <summary>Coverage as a table</summary>
        <Table label="Coverage" columns={["Asked", "Reached", "By chance from", "to"]}>
          {levels.map((one) => (
            <tr key={one.level}>
              <td>{percent(one.level)}</td>
              <td>{percent(one.inside)}</td>
              <td>{percent(one.chanceLow)}</td>
              <td>{percent(one.chanceHigh)}</td>
            </tr>
          ))}
        </Table>
      </details>
    </figure>
  );
}

function Sales({ deciles, unit }: { deciles: Evaluation["deciles"]; unit: string }) {
  const { place, ticks } = logarithmic(deciles.flatMap((one) => [one.predicted, one.sold]));
  return (
    <figure>
      <h3>Was it sold as predicted?</h3>
      <Plot
        title="Units sold by units predicted"
        about="Each point is a tenth of the rows; on the dashed line as much was sold as predicted. Both axes are logarithmic."
        across="predicted, mean of a tenth"
        up="sold, mean of the same"
        ticks={{ across: ticks, up: ticks }}
      >
        <line className="ideal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
        {deciles.map((one, index) => (
          <g key={index}>
            <line
              className="error"
              x1={x(place(one.predicted))}
              x2={x(place(one.predicted))}
              y1={y(place(one.sold - 1.96 * one.error))}
              y2={y(place(one.sold + 1.96 * one.error))}
            />
            <circle className="point" cx={x(place(one.predicted))} cy={y(place(one.sold))} r="3.5" />
          </g>
        ))}
      </Plot>
      <figcaption className="small">
        In {unit}. Bars: 95 % interval of the mean. A median is predicted, so means lie above the dashed line.
      </figcaption>
      <details>
        <summary>Sales as a table</summary>
        <Table label="Sales" columns={["Tenth", "Predicted", "Sold", "Standard error"]}>
          {deciles.map((one, index) => (
            <tr key={index}>
              <td>{index + 1}</td>
              <td>{one.predicted.toFixed(1)}</td>
              <td>{one.sold.toFixed(1)}</td>
              <td>{one.error.toFixed(1)}</td>
            </tr>
          ))}
        </Table>
      </details>
    </figure>
  );
}

/** What the training chose between. */
function Methods({ evaluation }: { evaluation: Evaluation }) {
  const methods = Object.entries(evaluation.widths);
  const most = Math.max(...methods.map(([, width]) => width));
  if (methods.length === 0) return null;
  return (
    <div>
      <h3>How the training chose its intervals</h3>
      <Table label="Ways to make intervals" columns={["Way", "Mean width"]}>
        {methods.map(([method, width]) => (
          <tr key={method}>
            <td>{method === evaluation.method ? <strong>{method}, chosen</strong> : method}</td>
            <td>
              <meter min={0} max={most} value={width} aria-hidden="true" /> {width.toFixed(3)}
            </td>
          </tr>
        ))}
      </Table>
      <p className="small">
        Width of intervals in log(1 + units), on rows used for this choice alone. The narrowest is chosen; where categories
        have enough rows, among those with a margin for each category (mondrian). A model is computed in one step, so there
        is no curve over epochs.
      </p>
    </div>
  );
}

function Compared({ evaluation }: { evaluation: Evaluation }) {
  const rows: [string, number, string][] = [
    ["this model", evaluation.measures.wape, ""],
    ...Object.entries(evaluation.baselines).map(([name, one]): [string, number, string] => [
      name,
      one.wape,
      `the model is ${one.modelIs}`,
    ]),
  ];
  const most = Math.max(...rows.map(([, wape]) => wape));
  return (
    <div>
      <h3>Against simpler ways to predict</h3>
      <Table label="Against simpler ways to predict" columns={["Way", "Mean error", "Comparison"]}>
        {rows.map(([name, wape, compared]) => (
          <tr key={name}>
            <td>{WAYS[name] ?? name}</td>
            <td>
              <meter min={0} max={most} value={wape} aria-hidden="true" /> {percent(wape)}
            </td>
            <td>{compared}</td>
          </tr>
        ))}
      </Table>
    </div>
  );
}
