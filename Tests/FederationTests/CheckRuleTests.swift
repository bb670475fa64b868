// Every rule of the linter has a scenario that breaks it, one that does not, and a section in its page.

import Datasets
import Federation
import Foundation
import Scenarios
import Tensors
import Testing

/// A rule with the changes to the sound scenario that make it speak, and changes under which it must
/// stay silent.
struct RuleCase: Sendable, CustomTestStringConvertible {
  let rule: String
  let breaking: [String]
  let keeping: [String]

  init(_ rule: String, _ breaking: [String], silent keeping: [String] = []) {
    self.rule = rule
    self.breaking = breaking
    self.keeping = keeping
  }

  var testDescription: String { rule }

  static let noPrivacy = ["privacy.target_epsilon=null"]
  static let ifca = [#"method={"name":"ifca","num_clusters":3}"#]
  static let global = [#"method={"name":"global"}"#]
  static func mask(ratio: Double) -> [String] {
    [
      #"adapter={"type":"sparse","r":1,"target_modules":["fc"],"mask":"private","mask_noise_ratio":\#(ratio)}"#
    ]
  }
  static let projected = [#"adapter={"type":"random-projection","r":1,"modules_to_save":["fc"]}"#]
  static let image = [
    #"data={"name":"fashion-mnist"}"#, #"model={"name":"cnn"}"#,
    "population.clusters[0].shift={\"rotation\":90}",
  ]

  static let all: [RuleCase] = [
    RuleCase("DP101", [#"method.variant="as-released""#]),
    RuleCase("DP102", ["privacy.target_delta=0.01"], silent: ["privacy.target_delta=0.001"]),
    RuleCase("DP103", ["privacy.target_delta=0.0011"], silent: ["privacy.target_delta=0.001"]),
    RuleCase(
      "DP104",
      [
        "population.clusters[1].quantity_skew={\"type\":\"lognormal\",\"sigma\":3}",
        "local.batch_size=300",
      ], silent: ["local.batch_size=300"]),
    RuleCase(
      "DP105", ["population.clusters[0].examples_per_client=99"],
      silent: ["population.clusters[0].examples_per_client=100"]),
    RuleCase("DP106", ["local.batch_size=200"], silent: ["local.batch_size=150"]),
    RuleCase("DP107", ["privacy.noise_multiplier=0"], silent: ["privacy.noise_multiplier=1"]),
    RuleCase(
      "DP108",
      [
        "privacy.noise_multiplier=0",
        #"adapter={"type":"lora","r":2,"lora_alpha":4,"target_modules":["fc"]}"#,
      ], silent: ["privacy.noise_multiplier=0"]),
    RuleCase(
      "DP109", ["method.selection_epsilon_ratio=0.99", "method.selection_rounds_ratio=1"],
      silent: ["method.selection_epsilon_ratio=0.01"]),
    RuleCase("DP110", ["population.overlap=true"]),
    RuleCase(
      "DP111",
      [
        "data.public_examples=500",
        #"model.pretraining={"epochs":1,"batch_size":10,"learning_rate":0.1}"#,
      ], silent: ["data.public_examples=500"]),
    RuleCase(
      "DP112", ["population.clusters[2].privacy={\"target_epsilon\":null}"], silent: noPrivacy),
    RuleCase("DP113", ["privacy.noise_multiplier=0.6"], silent: ["privacy.noise_multiplier=9"]),
    RuleCase(
      "DP114", TableCases.persons(client: "ward", dropping: "home"),
      silent: TableCases.persons(client: "home", dropping: "ward")),
    RuleCase(
      "DP115", TableCases.fromRows(true), silent: TableCases.fromRows(true) + noPrivacy),
    RuleCase(
      "DP116", BaseCases.path(epsilon: "4.9"), silent: BaseCases.path(epsilon: nil)),
    RuleCase("DP201", ["privacy.target_epsilon=11"], silent: ["privacy.target_epsilon=10"]),
    RuleCase(
      "DP202", ["method.selection_epsilon_ratio=0.1", "method.selection_rounds_ratio=0.5"],
      silent: ["method.selection_rounds_ratio=0"]),
    RuleCase(
      "DP203", ["method.first_round_noise_ratio=0.1"],
      silent: ["method.first_round_noise_ratio=2"]),
    RuleCase("DP204", [#"privacy.accountant="rdp""#], silent: []),
    RuleCase(
      "DP205", ["population.clusters[0].privacy={\"target_epsilon\":2}"],
      silent: ["population.clusters[0].privacy={\"target_epsilon\":4}"]),
    RuleCase(
      "DP206", ["population.clusters[0].examples_per_client=601"],
      silent: ["population.clusters[0].examples_per_client=600"]),
    RuleCase(
      "DP207", ["privacy.target_epsilon=0.1", "rounds=200"], silent: ["privacy.target_epsilon=1"]),
    RuleCase(
      "DP208", image + ["privacy.target_epsilon=0.1", "local.steps=1"], silent: image),
    RuleCase("DP209", [], silent: global),
    RuleCase(
      "DP210", TableCases.estimated(ratio: 0.001), silent: TableCases.estimated(ratio: 0.2)),
    RuleCase("DP211", mask(ratio: 0.5), silent: mask(ratio: 8)),
    RuleCase(
      "DP301", ["method.selection_rounds_ratio=0"],
      silent: ["method.selection_rounds_ratio=0", "method.num_clusters=1"]),
    RuleCase(
      "DP302", ["method.candidate_clusters=[2,4]"], silent: ["method.candidate_clusters=[2,3]"]),
    RuleCase("DP303", ifca),
    RuleCase("DP304", image + ["privacy.target_epsilon=0.05"], silent: image),
    RuleCase("DP305", image + ["privacy.target_epsilon=1"], silent: []),
    RuleCase("DP306", ["population.clusters[0].clients=1"]),
    RuleCase(
      "DP307", ["population.clusters[1].shift={\"feature_noise\":0.5}"],
      silent: ["population.clusters[1].shift={\"feature_noise\":0.5,\"label_offset\":1}"]),
    RuleCase("DP308", [], silent: ["population.clusters[0].minority=false"]),
    RuleCase("DP309", ["method.num_clusters=3"], silent: ["method.num_clusters=2"]),
    RuleCase(
      "DP310", ["population.clusters[2].shift={\"label_offset\":1}"]),
    RuleCase("DP311", projected + ["population.overlap=true"], silent: projected),
    RuleCase(
      "DP401", [#"method={"name":"mr-mtl","lambda":3}"#],
      silent: [#"method={"name":"mr-mtl","lambda":2}"#]),
    RuleCase("DP402", ["local.steps=1", "local.epochs=null"], silent: []),
    RuleCase(
      "DP403", global + ["cohort_size=1", "rounds=3"], silent: global + ["cohort_size=10"]),
    RuleCase(
      "DP404",
      [#"adapter={"type":"lora","r":2,"lora_alpha":4,"target_modules":["fc"],"freeze_a":false}"#],
      silent: [#"adapter={"type":"lora","r":2,"lora_alpha":4,"target_modules":["fc"]}"#]),
    RuleCase("DP405", ["privacy.max_grad_norm=101"], silent: ["privacy.max_grad_norm=100"]),
    RuleCase("DP406", ["local.learning_rate=50"], silent: ["local.learning_rate=1"]),
    RuleCase(
      "DP407", ["data.public_examples=100"],
      silent: [
        "data.public_examples=100",
        #"adapter={"type":"sparse","r":1,"target_modules":["fc"],"mask":"public"}"#,
      ]),
    RuleCase(
      "DP408", ["local.optimizer.name=adam"],
      silent: ["local.optimizer.name=adam", "local.learning_rate=0.1"]),
    RuleCase(
      "DP409", [#"server.optimizer={"name":"fedadam","learning_rate":1}"#],
      silent: [#"server.optimizer={"name":"fedadam"}"#]),
    RuleCase(
      "DP410", ClippingCases.adaptive + [#"privacy.clipping.budget_share=0.0001"#],
      silent: ClippingCases.adaptive),
    RuleCase("DP411", [#"privacy.clipping.name="auto-s""#], silent: ClippingCases.adaptive),
    RuleCase("DP501", [], silent: noPrivacy),
    RuleCase("DP502", [], silent: global + [#"privacy.unit="client""#]),
    RuleCase("DP503", [], silent: noPrivacy),
    RuleCase("DP504", [], silent: ["privacy.noise=exact"]),
    RuleCase("DP505", [], silent: noPrivacy),
    RuleCase(
      "DP506", ["population.test_examples_per_client=99"],
      silent: ["population.test_examples_per_client=100"]),
    RuleCase("DP507", noPrivacy),
    RuleCase("DP508", [], silent: ["privacy.individual=true"]),
    RuleCase("DP509", TableCases.weighted, silent: TableCases.weighted + noPrivacy),
    RuleCase("DP510", TableCases.weighted, silent: TableCases.estimated(ratio: 0.2)),
    RuleCase(
      "DP511", TableCases.persons(client: "home", dropping: "ward", unnamed: true),
      silent: TableCases.persons(client: "home", dropping: "ward")),
    RuleCase("DP512", TableCases.bounded(max: 60), silent: TableCases.bounded(max: 90)),
  ]
}

/// Bases in files that a private run made, and that nobody says this of.
private enum BaseCases {
  static func path(epsilon: String?) -> [String] {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("dpflsim-base-\(epsilon ?? "public").safetensors")
    var metadata = ["run_id": "r"]
    metadata["epsilon"] = epsilon
    // Where it cannot be written the cases fail by themselves.
    try? Safetensors(tensors: [], metadata: metadata).data().write(to: file)
    return [#"model={"name":"mlp","hidden":[8],"path":"\#(file.path)"}"#]
  }
}

/// A table of one number, with weights.
private enum TableCases {
  private static let path: String = {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("dpflsim-rules.csv")
    let rows = (0..<6000).map { "\($0 * 37 % 101),\(1 + $0 % 3),\($0 % 4)\n" }.joined()
    // Where it cannot be written the cases fail by themselves.
    try? Data(("x,w,y\n" + rows).utf8).write(to: file)
    return file.path
  }()

  private static func data(_ members: String) -> [String] {
    [
      #"data={"name":"csv","path":"\#(path)","label_column":"y","classes":[0,1,2,3],\#(members)}"#,
      #"method={"name":"global"}"#,
    ]
  }

  static func estimated(ratio: Double) -> [String] {
    data(
      #""drop_columns":["w"],"scale_epsilon_ratio":\#(ratio),"#
        + #""columns":[{"column":"x","kind":"estimated","min":0,"max":200}]"#)
  }

  static func fromRows(_ isFromRows: Bool) -> [String] {
    data(
      #""drop_columns":["w"],"from_rows":\#(isFromRows),"#
        + #""columns":[{"column":"x","kind":"numeric","min":0,"max":100}]"#)
  }

  static func bounded(max: Int) -> [String] {
    data(
      #""drop_columns":["w"],"columns":[{"column":"x","kind":"numeric","min":0,"max":\#(max)}]"#)
  }

  private static let personPath = personPath("dpflsim-persons.csv") { "p\($0 / 2)" }
  private static let unnamedPath = personPath("dpflsim-unnamed.csv") {
    $0 < 40 ? "NA" : "p\($0 / 2)"
  }

  private static func personPath(_ name: String, person: (Int) -> String) -> String {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(name)
    // Two rows of each person, at both wards, and at one home.
    let rows = (0..<4000).map {
      "\(person($0)),w\($0 % 2),h\($0 / 2 % 2),\($0 * 37 % 101),\($0 % 4)\n"
    }
    try? Data(("who,ward,home,x,y\n" + rows.joined()).utf8).write(to: file)
    return file.path
  }

  static func persons(client: String, dropping other: String, unnamed: Bool = false) -> [String] {
    [
      #"data={"name":"csv","path":"\#(unnamed ? unnamedPath : personPath)","label_column":"y","classes":[0,1,2,3],"id_column":"who","#
        + #""client_column":"\#(client)","drop_columns":["\#(other)"],"#
        + #""columns":[{"column":"x","kind":"numeric","min":0,"max":100}]}"#,
      #"method={"name":"global"}"#, "population={}",
    ]
  }

  static let weighted = data(
    #""weight_column":"w","max_weight":3,"#
      + #""columns":[{"column":"x","kind":"numeric","min":0,"max":100}]"#)
}

/// Clipping of two layers apart.
private enum ClippingCases {
  static let adaptive = [
    #"model={"name":"mlp","hidden":[8]}"#, #"privacy.clipping.name="per-layer-adaptive""#,
  ]
}

@Suite("Rules of the linter")
struct CheckRuleTests {
  @Test("a rule speaks where it is broken and is silent where it is kept", arguments: RuleCase.all)
  func rule(_ example: RuleCase) throws {
    let broken = try Sound.report(example.breaking)
    let found = broken.findings.filter { $0.rule == example.rule }
    #expect(found.count == 1)
    for finding in found {
      #expect(!finding.path.isEmpty)
      #expect(finding.message.contains(";"), "a finding says how to fix it")
      #expect(finding.page == "docs/check.md#\(example.rule.lowercased())")
    }
    let kept = try Sound.report(example.keeping)
    #expect(kept.findings.filter { $0.rule == example.rule } == [])
  }

  @Test("every rule has a case here and a section in the page")
  func complete() throws {
    #expect(RuleCase.all.map(\.rule) == PrivacyLinter.ruleIDs)
    let page = packageFolder.appendingPathComponent("docs/check.md")
    let headings = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
      .filter { $0.hasPrefix("### DP") }.map { String($0.dropFirst(4)) }
    #expect(headings == PrivacyLinter.ruleIDs)
  }

  @Test("a sound scenario is not refused and draws no warning")
  func sound() throws {
    let report = try Sound.report([])
    #expect(!report.isRefused)
    #expect(report.findings.allSatisfy { $0.severity == .note })
  }

  @Test("critical findings refuse, and stand first")
  func refusal() throws {
    let report = try Sound.report(["privacy.target_delta=0.5", "population.overlap=true"])
    #expect(report.isRefused)
    let severities = report.findings.map {
      CheckReport.Severity.allCases.firstIndex(of: $0.severity)
    }
    #expect(severities == severities.sorted { ($0 ?? 9) < ($1 ?? 9) })
    #expect(report.findings.first?.rule == "DP102")
  }

  @Test(
    "a budget that no noise keeps is refused before the run, in the same words, and cannot be allowed"
  )
  func unreachable() throws {
    let changes = ["method.selection_epsilon_ratio=0.99", "method.selection_rounds_ratio=1"]
    let finding = try #require(Sound.report(changes).findings.first { $0.rule == "DP109" })
    #expect(finding.message.hasPrefix("client 0 cannot keep its budget: the "))
    #expect(finding.message.contains(" selections alone cost "))
    #expect(finding.message.contains(" of 5; lower method.selection_rounds_ratio"))
    let check = try RunCheck(scenario: Sound.scenario(changes), catalog: Sound.catalog)
    #expect(check.refused.contains(finding) && !RunCheck.allowableRules.contains("DP109"))
    let tiny = try Sound.report(["privacy.target_epsilon=1e-7", "privacy.target_delta=1e-12"])
    let message = try #require(tiny.findings.first { $0.rule == "DP109" }).message
    #expect(
      message.contains("even noise multiplier 1048576 costs ") && !message.contains("privacy."))
  }

  @Test(
    "DP508 asks for more canaries only where they show more",
    arguments: [
      (1e-3, "at delta 0.001 no number of canaries shows anything by the first"),
      (1e-4, "as do fewer canaries (64: "), (1e-6, "more canaries or a smaller delta show more"),
    ])
  func canaries(delta: Double, words: String) throws {
    let report = try Sound.report(["privacy.target_delta=\(delta)"])
    let message = try #require(report.findings.first { $0.rule == "DP508" }).message
    #expect(message.contains(words), "\(message)")
    #expect(message.contains("smaller delta"))
    #expect(message.contains("more canaries or") == (delta < 1e-5))
  }

  @Test("no shipped scenario is refused", arguments: Sound.shipped)
  func shipped(path: String) throws {
    let file = packageFolder.appendingPathComponent("scenarios/\(path)")
    let scenario = try Scenario(json: Data(contentsOf: file))
    let report = try PrivacyLinter(scenario: scenario, catalog: Sound.catalog).report()
    #expect(!report.isRefused, "\(report.findings.filter { $0.severity == .critical })")
  }
}
