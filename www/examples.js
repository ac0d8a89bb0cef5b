// What a visitor can begin with: prompts in the words of each model, by the name of its folder.

const EXAMPLES = {
  flowers: {
    kind: "a flower",
    prompts: [
      "this flower has pink petals and a yellow center",
      "a white flower with long thin petals",
      "bright red petals with dark spots",
      "purple petals and a yellow stamen",
      "a round orange flower with many petals",
    ],
    blend: ["a flower with yellow petals", "a flower with purple petals"],
  },
  birds: {
    kind: "a bird",
    prompts: [
      "a small bright blue bird with a white belly",
      "this bird has a red crown and a short black beak",
      "a yellow bird with black wings",
      "a brown bird with speckled wings and a long bill",
      "a large black bird with orange feet",
    ],
    blend: ["a small yellow bird", "a large blue bird with black wings"],
  },
};

/** The examples for a model; empty where none are known. */
export function examplesOf(name) {
  return Object.hasOwn(EXAMPLES, name) ? EXAMPLES[name] : { kind: "something", prompts: [], blend: ["", ""] };
}

/** Shows prompts as buttons; `onChoice(prompt)` hears of a click. */
export function showExamples(root, prompts, onChoice) {
  root.hidden = !prompts.length;
  root.replaceChildren(
    ...prompts.map((prompt) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: prompt });
      button.addEventListener("click", () => onChoice(prompt));
      return button;
    }),
  );
}
