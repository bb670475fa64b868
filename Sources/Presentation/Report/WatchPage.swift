// The live page of `dpflsim watch`: the charts of the report over what the store has so far.

import Analysis
import Federation
import Formatting
public import Scenarios
public import Store

/// A page over runs that go on, and the state that its script asks for again and again.
public struct WatchPage: Sendable {
  /// What is watched.
  public enum Subject: Sendable, Hashable {
    /// One run by its name.
    case run(String)
    /// Whatever run of the store began last.
    case latest
    /// All runs of the scenario whose run began last.
    case sweep
  }

  private let store: RunStore
  private let subject: Subject
  private let runtime: ChartRuntime?

  /// - Parameter runtime: draws the charts; without it the page shows their numbers.
  public init(_ subject: Subject, in store: RunStore, runtime: ChartRuntime?) {
    self.subject = subject
    self.store = store
    self.runtime = runtime
  }

  /// What the page may load: its own state, and nothing else.
  public static let policy = HTML.policy + "; connect-src 'self'; frame-ancestors 'none'"

  /// The page, which stays the same; its script fetches `state`.
  public var html: String {
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      + "<title>dpflsim watch</title>\n<style>\n\(HTML.style)</style>\n</head>\n<body>\n"
      + "<h1>dpflsim watch</h1>\n<p class=\"lead\" role=\"status\">Waiting for the first answer.</p>\n"
      + "<p id=\"choice\" hidden><label>Settings <select></select></label></p>\n"
      + "<div id=\"table\"></div>\n<div id=\"charts\"></div>\n"
      + (runtime?.elements ?? "<script>\nfunction draw() {}\n</script>\n")
      + "<script>\n\(Self.polling)</script>\n</body>\n</html>\n"
  }

  /// Asks every second, and draws anew what has changed.
  private static let polling = """
    const shown = new Map();
    const status = document.querySelector("[role=status]");
    const choice = document.querySelector("#choice select");
    function offer(settings) {
      document.querySelector("#choice").hidden = settings.length < 2;
      if ([...choice.options].map((option) => option.text).join("\\n") === settings.join("\\n")) return;
      const chosen = choice.selectedOptions[0]?.text;
      choice.replaceChildren(...settings.map((text, index) => new Option(text, index, false, text === chosen)));
    }
    let next = null;
    choice.addEventListener("change", () => {
      // An answer under way asks again by itself.
      if (next === null) return;
      clearTimeout(next);
      update();
    });
    function show(chart) {
      if (shown.get(chart.id) === chart.html) return;
      const fresh = document.createRange().createContextualFragment(chart.html).firstElementChild;
      const figure = document.getElementById(chart.id);
      if (figure) {
        for (const part of [".specification", "tbody", "figcaption"]) {
          figure.querySelector(part).replaceWith(fresh.querySelector(part));
        }
      } else {
        document.querySelector("#charts").append(fresh);
      }
      shown.set(chart.id, chart.html);
      draw(figure ?? fresh);
    }
    async function update() {
      next = null;
      try {
        const answer = await fetch(
          location.pathname.replace(/[/]?$/, "/state") + "?settings=" + (choice.value || 0), { cache: "no-store" });
        if (!answer.ok) throw new Error("status " + answer.status);
        const state = await answer.json();
        document.title = state.title;
        document.querySelector("h1").textContent = state.title;
        status.textContent = state.status;
        offer(state.settings);
        document.querySelector("#table").innerHTML = state.table;
        for (const [id] of shown) {
          if (state.charts.some((chart) => chart.id === id)) continue;
          document.getElementById(id).remove();
          shown.delete(id);
        }
        state.charts.forEach(show);
      } catch (error) {
        status.textContent = "dpflsim watch does not answer (" + error.message + ").";
      }
      next = setTimeout(update, 1000);
    }
    update();

    """

  // MARK: - State

  /// Title, a sentence, a table and charts as the store has them now.
  ///
  /// - Parameter settings: which of a sweep's settings (such as ranks of an adapter) the charts of budgets and groups
  ///   show, by its place among those that the state lists; what is not there takes the first.
  public func state(settings: Int = 0) throws(StoreError) -> JSONValue {
    let runs = try store.runs()
    let last: RunRecord?
    switch subject {
    case .run(let name): last = try store.run(named: name)
    case .latest, .sweep: last = runs.first
    }
    guard let last else {
      return document("dpflsim watch", "There is no run in this store yet.", table: "", charts: [])
    }
    guard subject == .sweep else { return try state(of: last) }
    return try sweepState(
      of: runs.filter { $0.scenario == last.scenario }, settings: settings)
  }

  private func document(
    _ title: String, _ status: String, table: String, charts: [ReportChart],
    settings: [String] = []
  ) -> JSONValue {
    [
      "title": .string(title.printable), "status": .string(status.printable),
      "table": .string(table), "settings": .array(settings.map { .string($0) }),
      "charts": .array(
        charts.map {
          [
            "id": .string($0.id),
            "html": .string(HTML.figure($0, isDrawn: runtime != nil)),
          ]
        }),
    ]
  }

  private func state(of run: RunRecord) throws(StoreError) -> JSONValue {
    let rounds = try store.rounds(of: run.runID)
    var charts: [ReportChart] = []
    if let chart = try roundChart(run) { charts.append(chart) }
    if let result = try store.result(of: run) {
      let finished = RunCharts(result: result, clusterRounds: [], reference: nil)
      charts += [finished.clustering, finished.clients].compactMap { $0 }
    }
    let comparison = try store.comparison(of: [run.runID])
    let groups = WatchedGroups(comparison, settings: comparison.settings.first)
    return document(
      run.runID,
      Self.sentence(
        run, rounds, trueClusters: (try? store.scenario(of: run))?.population.clusters.count),
      table: groups.table, charts: charts + groups.charts)
  }

  private func roundChart(_ run: RunRecord) throws(StoreError) -> ReportChart? {
    let records = try store.clusterRounds(of: run.runID)
    var names: [String] = []
    for record in records where record.cluster == names.count { names.append(record.name) }
    if let scenario = try? store.scenario(of: run), !scenario.isOpen {
      names = ClusterLabels.of(scenario.population.clusters.map { ($0.name, $0.minority) })
    }
    return RunCharts.rounds(
      records, names: names, of: run.rounds,
      switchRound: try store.result(of: run)?.clustering?.switchRound)
  }

  /// "r-dpcfl, seed 0, is running: round 5 of 8; mean of clients 68.0 %, worst-off cluster 50.0 %."
  ///
  /// - Parameter trueClusters: the mean of an only cluster is that of the clients, and not said again.
  private static func sentence(
    _ run: RunRecord, _ rounds: [RoundRecord], trueClusters: Int?
  ) -> String {
    let status = run.presentStatus
    var text =
      "\(run.method), seed \(run.seed), is \(status.rawValue): round \(rounds.count) of \(run.rounds)"
    if let last = rounds.last(where: { $0.clientMeanAccuracy != nil }) {
      text +=
        "; mean of clients \(NumberText.percent(last.clientMeanAccuracy))"
        + (trueClusters == 1
          ? "" : ", worst-off cluster \(NumberText.percent(last.worstClusterAccuracy))")
    }
    if let error = run.error { text += ". \(error)" }
    let seconds = rounds.reduce(0) { $0 + $1.seconds }
    if status == .running, !rounds.isEmpty, rounds.count < run.rounds {
      let rest = seconds / Double(rounds.count) * Double(run.rounds - rounds.count)
      text += "; about \(NumberText.duration(rest)) left"
    }
    return text + "."
  }

  private func sweepState(
    of runs: [RunRecord], settings choice: Int
  ) throws(StoreError) -> JSONValue {
    let scenario = runs.first?.scenario ?? ""
    let counts = Dictionary(grouping: runs, by: \.presentStatus).mapValues(\.count)
    let parts = RunStatus.allCases.compactMap { status in
      counts[status].map { "\($0) \(status.rawValue)" }
    }
    let comparison = try store.comparison(scenario: scenario)
    let settings = comparison.settings
    let chosen = settings.indices.contains(choice) ? settings[choice] : settings.first
    var charts: [ReportChart] = []
    if let chosen {
      let own = ComparisonCharts(comparison, settings: chosen)
      if !own.cells.isEmpty { charts += [own.frontier, own.clusters] }
    }
    charts += comparison.axes.compactMap { comparison.chart(over: $0) }
    if let running = runs.first(where: { $0.presentStatus == .running }),
      let chart = try roundChart(running)
    {
      charts.append(chart)
    }
    let groups = WatchedGroups(comparison, settings: chosen)
    charts += groups.charts
    return document(
      "\(scenario): \(NumberText.count(runs.count, "run"))",
      parts.joined(separator: ", ") + ".", table: try table(runs) + groups.table,
      charts: charts, settings: settings.map { $0.isEmpty ? "as the scenario" : $0 })
  }

  private func table(_ runs: [RunRecord]) throws(StoreError) -> String {
    var rows: [[String]] = []
    let shown = Array(runs.prefix(40))
    let headlines = try store.headlines(of: shown)
    for run in shown {
      let done = run.presentStatus == .done ? run.rounds : try store.rounds(of: run.runID).count
      rows.append([
        run.runID, run.method, "\(run.seed)", run.presentStatus.rawValue,
        "\(done) of \(run.rounds)", NumberText.percent(run.worstAccuracy(headlines[run.runID])),
      ])
    }
    let areOneCluster = !headlines.isEmpty && headlines.values.allSatisfy { $0.trueClusters == 1 }
    return HTML.table(
      [
        "run", "method", "seed", "status", "rounds",
        (areOneCluster ? WorstOff.client : .cluster).heading,
      ], rows)
  }
}
