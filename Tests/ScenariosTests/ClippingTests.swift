// The clipping of a scenario: defaults that stay out of the hash, and what is refused.

import Scenarios
import Testing

private func mlp(_ overrides: String...) throws -> Scenario {
  try Scenario(
    json: shippedData("tiny.json"),
    overrides: [#"model={"name": "mlp", "hidden": [6]}"#] + overrides)
}

@Suite("Clipping in a scenario")
struct ClippingTests {
  @Test("the default is flat and stays out of the hash")
  func flat() throws {
    let plain = try mlp()
    #expect(plain.privacy.clipping == .flat)
    #expect(plain.resolved["privacy"]?["clipping"] == nil)
    #expect(try mlp("privacy.clipping.name=flat").hash == plain.hash)
    #expect(plain.trainedLayers == ["fc1", "fc2"])
  }

  @Test("every kind is read with its defaults and survives resolving")
  func kinds() throws {
    #expect(try mlp("privacy.clipping.name=auto-s").privacy.clipping == .automatic(gamma: 0.01))
    #expect(try mlp("privacy.clipping.name=normalize").privacy.clipping == .automatic(gamma: 0))
    let adaptive = try mlp(
      #"privacy.clipping={"name": "per-layer-adaptive", "thresholds": [1, 2.5], "noise_allocation": "weighted"}"#
    )
    guard case .adaptive(let groups, let adaptation) = adaptive.privacy.clipping else {
      Issue.record("not adaptive")
      return
    }
    #expect(groups.layers == nil && groups.thresholds == [1, 2.5])
    #expect(groups.noiseAllocation == .weighted)
    #expect(
      (adaptation.targetQuantile, adaptation.learningRate, adaptation.budgetShare)
        == (0.5, 0.3, 0.01))
    #expect(try Scenario(document: adaptive.resolved) == adaptive)
    let device = try mlp(
      #"privacy.clipping={"name": "per-layer", "groups": [["fc2", "fc1"]], "noise_allocation": "equal-budget"}"#
    )
    #expect(device.privacy.clipping.groups?.layers == [["fc2", "fc1"]])
  }

  @Test(
    "what cannot be is refused at its place",
    arguments: [
      (#"{"name": "per-layer", "groups": [["fc1"]]}"#, ".groups"),
      (#"{"name": "per-layer", "groups": [["fc1", "fc2"], ["fc2"]]}"#, ".groups"),
      (#"{"name": "per-layer", "groups": [["fc1"], ["conv1"]]}"#, ".groups"),
      (#"{"name": "per-layer", "thresholds": [1]}"#, ".thresholds"),
      (#"{"name": "per-layer-adaptive", "groups": [["fc1", "fc2"]]}"#, ".groups"),
      (#"{"name": "per-layer-adaptive", "target_quantile": 1}"#, ".target_quantile"),
      (#"{"name": "per-layer-adaptive", "budget_share": 0}"#, ".budget_share"),
      (#"{"name": "auto-s", "gamma": 0}"#, ".gamma"),
      (#"{"name": "per-layer", "budget_share": 0.1}"#, ".budget_share"),
    ])
  func refused(_ clipping: String, _ place: String) throws {
    let text = String(decoding: try shippedData("tiny.json"), as: UTF8.self)
    let found = problems(
      of: text,
      overrides: [#"model={"name": "mlp", "hidden": [6]}"#, "privacy.clipping=\(clipping)"])
    #expect(found.map(\.path) == ["privacy.clipping" + place])
  }

  @Test(
    "whole clients and individual accounting keep flat clipping",
    arguments: [
      ["privacy.unit=client", #"method={"name": "global"}"#], ["privacy.individual=true"],
    ])
  func flatOnly(_ overrides: [String]) throws {
    let text = String(decoding: try shippedData("tiny.json"), as: UTF8.self)
    let found = problems(of: text, overrides: overrides + ["privacy.clipping.name=auto-s"])
    #expect(found.map(\.path) == ["privacy.clipping"])
  }
}
