/** A word of a prompt. */
export interface Token {
  /** In lower case. */
  word: string;
  /** Whether the model has learned it; unknown words are left out. */
  known: boolean;
}
/** Where a stage looked: a square map for each known word. */
export interface Attention {
  /** Number of words, the known ones of the prompt in order. */
  words: number;
  /** Height and width of a map. */
  size: number;
  /** Word after word, row after row; over the words of one pixel they sum to 1. */
  weights: Float32Array;
}
/** A stage's picture. */
export interface Stage {
  /** Which picture of the call, from 0. */
  picture: number;
  /** Which stage, from 0. */
  stage: number;
  /** Height and width. */
  size: number;
  image: ImageData;
  /** Absent for the first stage, which looks nowhere. */
  attention?: Attention;
}
/** STREAM's words for a picture. */
export interface Caption {
  text: string;
  words: string[];
  /** Natural logarithm of the probability that STREAM gives to these words. */
  logProbability: number;
}
/** How a picture and a text match. */
export interface Match {
  /** Every word of the text; the figures and maps follow the known ones, up to the most that count. */
  tokens: Token[];
  /** From −1 to 1: of several texts for a picture, or pictures for a text, the largest matches best. */
  similarity: number;
  /** Of each known word and what it looks at, from −1 to 1. */
  words: Float32Array;
  /** Where each known word looks in the middle square of the picture; over the places of one word the weights sum to 1. */
  places: Attention;
}
/** A picture with its stages. */
export interface Picture {
  stages: Stage[];
  /** Present where it was asked for. */
  caption?: Caption;
}
/** The features of a prompt. */
export interface Encoding {
  tokens: Token[];
  /** Values of a word or sentence. */
  features: number;
  /** Known word after known word. */
  words: Float32Array;
  sentence: Float32Array;
}
/** A picture on the way from one prompt to another. */
export interface BlendFrame {
  /** Which frame, from 0. */
  frame: number;
  /** From 0, the first prompt, to 1, the second. */
  position: number;
  image: ImageData;
}
/** A file of a model. */
export interface ModelFile {
  file: string;
  bytes: number;
  sha256: string;
  /** Whether it is read when the model is loaded, or when a caption or a match is first asked for. */
  when: "load" | "caption" | "match";
}
/** What a model is. */
export interface ModelInfo {
  name: string;
  trainedOn: string;
  /** Heights of the pictures, one a stage. */
  sizes: number[];
  /** Number of words it knows. */
  vocabulary: number;
  /** Known words of a prompt that count. */
  maxWords: number;
  /** Whether it can describe pictures. */
  captions: boolean;
  /** Whether it can match pictures with words. */
  matches: boolean;
  /** How many numbers the noise of a picture has. */
  noise: { z: number; epsilon: number };
  /** Numbers it has learned, of the parts that are loaded. */
  parameters: number;
  /** What the generator computes in. */
  precision: "f16" | "f32";
}
