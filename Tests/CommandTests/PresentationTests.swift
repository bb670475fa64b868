// What a person sees of the commands: eighty columns, tables over any varied key, advice, first scenarios.

import Analysis
import Formatting
import Foundation
import Presentation
import Scenarios
import Store
import TestSupport
import Testing

@Suite("What a person sees")
struct PresentationTests {
  private func expectFits(_ outcome: Program.Outcome, _ what: String) {
    #expect(outcome.status == 0 && !outcome.output.isEmpty, "\(what): \(outcome.errors)")
    for line in outcome.output.split(separator: "\n", omittingEmptySubsequences: false) {
      // A word that is longer than a line, such as a path, stays whole.
      let words = line.split(separator: " ").map { String($0).displayWidth }.max() ?? 0
      #expect(String(line).displayWidth <= 80 || words > 70, "\(what): \(line)")
    }
  }

  @Test("a varied key is an axis: table, report and formats over it; every text fits 80 columns")
  func axis() async throws {
    try await Program.inFolder { program in
      let sweep = try program.call(
        "sweep", Program.shipped("tiny.json"), "--epsilon", "4,none", "--method", "r-dpcfl,global",
        "--seeds", "0,1", "--vary", "local.batch_size=20,30,100", "--advise", "--quiet")
      expectFits(sweep, "sweep")
      #expect(sweep.output.contains("24 of 24 cells"))
      // One table a method and ε, a row a value in ascending order.
      let rows = sweep.output.split(separator: "\n").map { $0.split(separator: " ").first ?? "" }
      let values = rows.filter { ["20", "30", "100"].contains($0) }
      #expect(values.count >= 12 && values.count.isMultiple(of: 3))
      #expect(values.indices.allSatisfy { values[$0] == ["20", "30", "100"][$0 % 3] })
      #expect(sweep.output.contains("Take r-dpcfl at ε 4"))
      for command in [
        ["compare"], ["compare", "--by", "local.batch_size"], ["compare", "--by", "cluster"],
        ["runs"], ["runs", "show", "latest"], ["advise"], ["privacy", "ledger", "latest"],
        ["check", Program.shipped("tiny.json")], ["check", Program.shipped("skewed.json")],
        ["data"], ["data", "describe", Program.shipped("tiny.json")],
      ] {
        expectFits(try program.call(command), command.joined(separator: " "))
      }
      let unknown = try program.call("compare", "--by", "adapter.r")
      #expect(
        unknown.status == 64 && unknown.errors.contains("epsilon, cluster, group, local.batch_size")
      )

      for command in [["compare"], ["report", "-o", "none.html"]] {
        let none = try program.call(command + ["--scenario", "nobody"])
        #expect(none.status == 66 && none.errors.contains("of the scenario nobody"))
      }

      let latex = try program.call(
        "compare", "--by", "local.batch_size", "--format", "latex")
      #expect(latex.output.components(separatedBy: "\\begin{tabular}").count == 5)
      #expect(latex.output.contains("local.batch\\_size & n & worst cluster"))
      let markdown = try program.call(
        "compare", "--by", "local.batch_size", "--format", "markdown")
      #expect(markdown.output.components(separatedBy: "| local.batch_size | n |").count == 5)

      let page = program.folder.appendingPathComponent("report.html")
      let report = try program.call("report", "-o", page.path)
      #expect(report.status == 0)
      let text = try String(contentsOf: page, encoding: .utf8)
      #expect(text.contains("id=\"setting-localbatchsize\""))
      #expect(text.contains("<h3><code>local.batch_size</code></h3>"))
    }
  }

  @Test("advice is given for the scenario asked for, and says what to do where there are no runs")
  func advice() async throws {
    try await Program.inFolder { program in
      let tiny = Program.shipped("tiny.json")
      #expect(try program.call("run", tiny, "--quiet").status == 0)
      let advice = try program.call("advise", tiny, "--format", "json")
      let document = try JSONValue(parsing: Data(advice.output.utf8))
      guard case .array(let answers) = document else {
        Issue.record("no list")
        return
      }
      #expect(answers.count == 1 && answers[0]["scenario"] == "tiny")
      #expect(
        answers[0]["chosen"]?["method"] == "r-dpcfl" && answers[0]["chosen"]?["epsilon"] == "5")
      let none = try program.call("advise", Program.shipped("skewed.json"))
      #expect(none.status == 66 && none.errors.contains("sweep"))
    }
  }

  @Test("init writes a scenario that can be checked, keeps what is there, and reads a table")
  func first() async throws {
    try await Program.inFolder { program in
      let made = try program.call("init", "my.json", "--clients", "9", "--epsilon", "2")
      expectFits(made, "init")
      #expect(try program.call("check", "my.json").status == 0)
      let scenario = try Scenario(
        json: Data(contentsOf: program.folder.appendingPathComponent("my.json")))
      #expect(scenario.clientCount == 9 && scenario.privacy.budget.targetEpsilon == 2)
      #expect(scenario.population.clusters.map(\.minority) == [true, false, false])
      #expect(try program.call("init", "my.json").status == 73)
      #expect(try program.call("init", "my.json", "--force", "--epsilon", "none").status == 0)
      let wrong = try program.call("init", "other.json", "--method", "r-dpfcl")
      #expect(wrong.status == 65 && wrong.errors.contains("r-dpcfl"))

      var rows = "age,ward,ill\n"
      for row in 0..<60 { rows += "\(20 + row % 7),\(row % 3 == 0 ? "a" : "b"),\(row % 2)\n" }
      let table = try program.write(rows, to: "patients.csv")
      let read = try program.call(
        "init", "wards.json", "--data", table, "--label", "ill", "--client", "ward")
      #expect(read.status == 0, "\(read.errors)")
      // What was read from the rows is no public knowledge: nothing is trained under an ε that would not hold.
      let refused = try program.call("run", "wards.json")
      #expect(refused.status == 65 && refused.errors.contains("DP115"), "\(refused.errors)")
      let own = try program.call(
        "init", "own.json", "--data", table, "--label", "ill", "--epsilon", "4", "--method", "local"
      )
      #expect(own.status == 0, "\(own.errors)")
      let proposed = try Scenario(
        json: Data(contentsOf: program.folder.appendingPathComponent("own.json")))
      #expect(proposed.privacy.budget.targetEpsilon == 4 && proposed.method.name == "local")
      #expect(proposed.name == "own")
      let clients = try program.call(
        "init", "clients.json", "--data", table, "--label", "ill", "--clients", "3")
      #expect(clients.status == 64 && clients.errors.contains("--clients"))
      let texts = try program.call("init", "texts.json", "--data", "toy-operators")
      #expect(texts.status == 64 && texts.errors.contains("language model"))
      let label = try program.call("init", "none.json", "--data", table)
      #expect(label.status == 64 && label.errors.contains("--label"))
      let typo = try program.call("init", "none.json", "--data", "patints.csv", "--label", "ill")
      #expect(typo.status == 66 && typo.errors.contains("patints.csv was looked for"))
    }
  }

  @Test("the version names commit and build; the shipped scenarios are listed")
  func origin() async throws {
    try await Program.inFolder { program in
      let lines = try program.call("--version").output.split(separator: "\n")
      #expect(lines.count == 3 && lines[0] == "\(DPFLSimVersion.current)")
      #expect(lines[1].hasPrefix("commit ") && lines[2].count == "build ".count + 12)
      #expect(try program.call("examples").status == 66)
      let home = URL(fileURLWithPath: Program.shipped("tiny.json")).deletingLastPathComponent()
        .deletingLastPathComponent().path
      let examples = try program.call("examples", environment: ["DPFLSIM_HOME": home])
      expectFits(examples, "examples")
      #expect(examples.output.contains("scenarios/tiny.json  r-dpcfl, 8 clients, about 0."))
      // Where only a table knows the clients, nobody counts them, and what is proposed can be run.
      #expect(!examples.output.contains(", 0 clients"))
      let proposed = try #require(
        examples.output.components(separatedBy: "run scenarios/").last?.prefix { $0 != "\n" })
      #expect(
        !examples.output.contains("scenarios/\(proposed)  ")
          || examples.output.components(separatedBy: "scenarios/\(proposed)  ")[1]
            .prefix { $0 != "\n" }.contains("about")
      )
    }
  }

  @Test("a store without finished runs has nothing to compare or report: 66")
  func nothingToCompare() async throws {
    try await Program.inFolder { program in
      _ = try RunStore.open(program.store)
      for command in [["compare"], ["report", "-o", "none.html"], ["advise"]] {
        let none = try program.call(command)
        #expect(none.status == 66 && none.errors.contains("sweep"), "\(command): \(none.errors)")
      }
    }
  }

  @Test("what is named again joins what was named")
  func joined() async throws {
    try await Program.inFolder { program in
      let sweep = try program.call(
        "sweep", Program.shipped("tiny.json"), "--epsilon", "4", "--epsilon", "none", "--method",
        "global", "--seeds", "0", "--seeds", "1", "--quiet")
      #expect(sweep.status == 0 && sweep.output.contains("4 of 4 cells"), "\(sweep.errors)")
      let twice = try program.call(
        "sweep", Program.shipped("tiny.json"), "--epsilon", "4", "--epsilon", "4", "--quiet")
      #expect(twice.status == 64)
    }
  }
}
