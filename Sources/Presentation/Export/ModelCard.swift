// The model card of an exported adapter or model: what it is, whom it serves, what its privacy covers, and what it is not for.
//
// Mitchell et al., "Model cards for model reporting" (2019); the head is what model hubs read.

import Analysis
import Federation
import Formatting
import Foundation
import Privacy
import Scenarios
import Store

/// A `README.md` beside one model of a run, or its adapter.
struct ModelCard {
  let run: RunRecord
  let result: RunResult
  let scenario: Scenario
  /// Index of the model.
  let model: Int
  /// As `adapter_config.json` names the base; nil where all of the model is exported.
  let base: String?
  /// Whether the `peft` library has this kind of adapter.
  let isPEFT: Bool

  var text: String {
    let clients = result.clients.filter { $0.isServed(by: model) }
    return """
      ---
      library_name: \(isPEFT ? "peft" : "dpflsim")\(base.map { "\nbase_model: \(JSONValue.string($0).text)" } ?? "")
      tags: [differential-privacy, federated-learning, dpflsim]
      ---

      # \(result.scenario), model \(model)

      \(kind) of \(scenario.model.name) on \(scenario.data.name), trained by `\(result.method)` in \
      \(NumberText.count(result.rounds, "round")) of simulated federated learning with \
      \(NumberText.count(result.clients.count, "client")); \(result.hasMixtures ? "all models together serve each" : "\(clients.count) of them end with this model").

      ## Whom it serves

      \(clusterTable(clients))

      \(mixtureSentence)Accuracies are the simulator's own measure on the clients' test examples. They are not covered by ε: publishing
      them for real clients would cost privacy.

      ## Privacy

      \(privacy)

      ## How to use it

      \(usage)

      \(base.map { "The base model is `\($0)`. `adapter_model.safetensors`" } ?? "The file") repeats ε and the other facts in its metadata\
      \(inputsSentence)

      ## Limits

      - Trained in a simulation, by one seed (\(result.seed)); see the report of the run for intervals over seeds.
      - ε speaks of \(ProtectedUnit(of: scenario).one), not of a group of them, and
        not of settings that were chosen by looking at private results.
      \(sharedNoise)- Not meant for decisions about people without a test on the population concerned\(groupSentence)

      ## Origin

      Run `\(run.runID)`, scenario hash `\(result.scenarioHash)`, result digest `\(result.resultDigest)`, dpflsim
      \(run.version).

      """
  }

  /// Nothing where the operating system gave the noise, or there is none.
  private var sharedNoise: String {
    scenario.isReproducible && result.epsilonMax != nil
      ? "- \(SharedNoise.sentence(of: result))\n" : ""
  }

  /// How models answer together; empty where each answers alone.
  private var mixtureSentence: String {
    result.hasMixtures
      ? """
      These are figures of all models together, and not of this one: a client's probabilities are the mean of the models' softmax
      scores in the client's shares, which the metadata of each file have (`mixture_weights`, as client:share).


      """ : ""
  }

  private var usage: String {
    guard base != nil else { return wholeUsage }
    return isPEFT
      ? """
      ```python
      from peft import PeftModel
      model = PeftModel.from_pretrained(base_model, "model-\(model)")
      ```\(carriers)
      """
      : """
      \(isOnClassifier ? "Nothing but the classifier was adapted: `classifier.safetensors` has it, merged." : "The `peft` library has no adapters of the kind `\(scenario.adapter?.name ?? "")`, or none for these layers.") `adapter_config.json` has its settings
      (`dpflsim_settings`), `adapter_model.safetensors` its tensors by the names of their layers, and docs/adapters.md of dpflsim what
      a layer computes with them.\(compressed)
      """
  }

  /// Kinds that train the weights themselves have nothing to say beside them.
  private var carriers: String {
    guard ["rgp", "prism"].contains(scenario.adapter?.name) else { return "" }
    return
      "\n\nAll that was learned is in the weights of `model-\(model)/base`; the adapter beside them has B = 0, so that PEFT loads "
      + "them as they are."
  }

  private var compressed: String {
    guard scenario.adapter?.settings is Scenario.Adapter.FineGates else { return "" }
    return
      " `compressed.safetensors` has the gated layers without closed rows and columns; its metadata say which share of each "
      + "one's multiply-adds is left."
  }

  private var wholeUsage: String {
    """
    ```python
    from safetensors.numpy import load_file
    weights = load_file("model-\(model)/model.safetensors")\(scenario.model.name == "logistic" ? "\nscores = inputs @ weights[\"fc.weight\"].T + weights[\"fc.bias\"]" : "")
    ```

    Weights have the names of their layers and PyTorch's layout (outputs × inputs, kernels outputs × inputs × height × width). The largest score is the class; a scenario begins from the file with `model.path`.
    """
  }

  /// Whether the adapter's layers are all in the classifier, which has a file of its own.
  private var isOnClassifier: Bool {
    scenario.modelPath != nil && !scenario.model.isDecoder
      && scenario.adapter?.targetModules == ["classifier"]
  }

  private var inputsSentence: String {
    guard let table = scenario.data.table else {
      return scenario.data.isImageSet
        ? ", and `inputs.json` says how pixels are normalised." : "."
    }
    return table.text == nil && table.image == nil
      ? ", and `inputs.json` says how a row of the table becomes inputs."
      : ", and `inputs.json` names the classes"
        + (table.image == nil ? "." : " and says how pixels are normalised.")
  }

  private var kind: String {
    guard let adapter = scenario.adapter else { return "All parameters" }
    return adapter.traits.factors != nil
      ? "LoRA adapters (r = \(adapter.traits.rank), lora_alpha = \(NumberText.exact(adapter.traits.loraAlpha)), averaged by \(adapter.aggregation.name))"
      : "Adapters of the kind \(adapter.name)"
  }

  private func clusterTable(_ clients: [ClientResult]) -> String {
    var lines = ["| true cluster | clients | training examples | accuracy |", "|---|---|---|---|"]
    for (index, cluster) in result.clusters.enumerated() {
      let members = clients.filter { $0.cluster == index }
      guard !members.isEmpty else { continue }
      let tested = members.filter { $0.testExamples > 0 }.map(\.accuracy)
      let mean = tested.isEmpty ? nil : tested.reduce(0, +) / Double(tested.count)
      lines.append(
        "| \(cluster.name.replacing("|", with: "\\|"))\(cluster.minority ? " (minority)" : "") | \(members.count) | "
          + "\(members.reduce(0) { $0 + $1.trainExamples }) | \(NumberText.percent(mean)) |")
    }
    return lines.joined(separator: "\n")
  }

  private var privacy: String {
    guard let epsilon = result.epsilonMax else {
      return "Not every client trained with differential privacy: **no ε holds for it**."
    }
    let delta = result.clients.map(\.delta).max() ?? 0
    let accountants = AccountantTitle.texts(result.clients.compactMap(\.accountant))
    var text =
      "(ε, δ) = (\(NumberText.epsilon(epsilon)), \(NumberText.exact(delta))) for each "
      + "\(ProtectedUnit(of: scenario).each), added or removed, over every "
      + "release of the run (\(SamplingText.phrase(result.sampling)); accountant: \(accountants)). It is the largest of all clients, since "
      + "a model depends on releases of clients of other clusters too."
    let findings = (result.allowedFindings ?? []).map { "\($0.rule) (\($0.message))" }
    if !findings.isEmpty {
      text +=
        "\n\nThere although the check refuses it, so that ε says little: \(findings.joined(separator: "; "))."
    }
    return text
  }

  private var groupSentence: String {
    let gaps = (result.groups ?? []).compactMap { attribute in
      attribute.accuracyGap.map { "\(attribute.attribute) \(NumberText.points($0))" }
    }
    return gaps.isEmpty
      ? ", and no groups of people were looked at."
      : "; accuracy gaps between groups: \(gaps.joined(separator: ", "))."
  }
}
