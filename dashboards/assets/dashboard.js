/* The address follows the view, so that it can be shared, without adding a step to the history. */
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.dse = {
  /* The theme in force: what was chosen, else what the system prefers. Known as soon as Mantine has set it. */
  theme: function () {
    const named = () => document.documentElement.getAttribute("data-mantine-color-scheme");
    return new Promise(function (resolve) {
      (function look() { named() ? resolve(named()) : window.setTimeout(look, 20); })();
    });
  },
  /* Where the reader has zoomed to, so that new designs do not move the view; null follows the designs. */
  keep_zoom: function (change, x, y, logX, logY, kept) {
    const plot = document.querySelector("#front .js-plotly-plot");
    if (!change || !plot) { return window.dash_clientside.no_update; }
    const key = [x, y, logX, logY].join("|");
    const zoom = kept && kept.key === key ? Object.assign({}, kept) : { key: key, x: null, y: null };
    for (const axis of ["x", "y"]) {
      const name = axis + "axis", whole = change[name + ".range"] || [];
      const low = change[name + ".range[0]"] ?? whole[0], high = change[name + ".range[1]"] ?? whole[1];
      const full = plot._fullLayout[name];
      if (low !== undefined && high !== undefined) {
        zoom[axis] = low === full._rangeInitial0 && high === full._rangeInitial1 ? null : [low, high];
      } else if (change[name + ".autorange"]) {
        zoom[axis] = "auto";
      }
    }
    return zoom;
  },
  keep_address: function (x, y, feasible, logX, logY, trial) {
    if (!x || !y) { return window.dash_clientside.no_update; }
    const query = new URLSearchParams({ x: x, y: y, logx: logX ? "1" : "0", logy: logY ? "1" : "0" });
    if (feasible === false) { query.set("all", "1"); }
    if (trial !== null && trial !== undefined) { query.set("trial", String(trial)); }
    const address = window.location.pathname + "?" + query.toString();
    if (address !== window.location.pathname + window.location.search) {
      window.history.replaceState(window.history.state, "", address);
    }
    return "";
  }
};

/* How the grid writes numbers: as `labels.number` and `labels.percent` do. */
window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions || {}, {
  dseNumber: function (value) {
    if (typeof value !== "number" || !isFinite(value)) { return "–"; }
    const size = Math.abs(value);
    const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  },
  dsePercent: function (value) {
    if (typeof value !== "number" || !isFinite(value)) { return "–"; }
    const text = Math.abs(value).toFixed(1);
    return (value <= -0.05 ? "−" : value >= 0.05 ? "+" : "") + text + " %";
  }
});

/* A theme that changes later, by the switch or by the system, reaches the plots too. */
new MutationObserver(function () {
  const name = document.documentElement.getAttribute("data-mantine-color-scheme");
  if (name && window.dash_clientside.set_props) { window.dash_clientside.set_props("scheme", { data: name }); }
}).observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
