// What the catalogue must know to read a table of texts: its format, and whose vocabulary its tokens have.

import Foundation
public import Text

/// A table of texts as a scenario asks for it.
public struct TextRequest: Sendable, Hashable {
  public var format: TextFormat
  public var vocabulary: Vocabulary

  public init(format: TextFormat, vocabulary: Vocabulary) {
    self.format = format
    self.vocabulary = vocabulary
  }

  /// Where tokens come from.
  public enum Vocabulary: Sendable, Hashable {
    /// The folder of a pretrained model.
    ///
    /// `specialInText`: whether the names of special tokens written in a text are those tokens.
    case folder(String, specialInText: Bool)
    /// The bytes of the texts themselves.
    case bytes
  }
}

extension TextRequest.Vocabulary {
  /// - Throws: `missing`, `unreadable`, `malformed` or `invalidRequest`, with the file of the folder.
  public func tokenizer() throws(DatasetError) -> Tokenizer {
    guard case .folder(let path, let specialInText) = self else { return .bytes }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    else {
      throw DatasetError(
        .missing, at: "model.path", "\(path) is no folder",
        fix: "give the folder of a Hugging Face model (tools/data minilm fetches one)")
    }
    do throws(VocabularyError) {
      return try Tokenizer(
        folder: URL(fileURLWithPath: path, isDirectory: true), specialInText: specialInText)
    } catch {
      throw DatasetError(error)
    }
  }
}

extension DatasetError {
  init(_ error: VocabularyError) {
    let kind: Kind =
      switch error.kind {
      case .missing: .missing
      case .unreadable: .unreadable
      case .malformed: .malformed
      case .unsupported: .invalidRequest
      }
    // A vocabulary's problem ends with its fix.
    let parts = error.problem.split(separator: "; ", maxSplits: 1).map(String.init)
    self.init(
      kind, at: error.place, parts.first ?? error.problem,
      fix: parts.count > 1 ? parts[1] : "give the folder of another model")
  }
}
