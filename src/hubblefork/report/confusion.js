// A click on a cell of the confusion matrix shows its images, which are all in the page.
const table = document.querySelector(".confusion");
const buttons = [...table.querySelectorAll("button")];
const told = document.getElementById("told");
const images = (button) => document.getElementById(button.getAttribute("aria-controls"));

// Without scripts every gallery is listed, to be opened by hand; with them, only the chosen one.
document.documentElement.classList.add("scripted");

function choose(button) {
  for (const other of buttons) images(other).open = other === button && !images(button).open;
  if (images(button).open) {
    told.textContent = images(button).querySelector("summary").textContent;
    images(button).scrollIntoView({ block: "nearest" });
  }
}

// One stop for the tabulator key; the arrow keys lead on from there.
function reach(button) {
  for (const other of buttons) other.tabIndex = other === button ? 0 : -1;
}

const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
table.addEventListener("keydown", (event) => {
  const step = steps[event.key];
  let cell = event.target.closest("td");
  if (!step || !cell) return;
  event.preventDefault();
  do {
    const row = table.rows[cell.parentNode.rowIndex + step[0]];
    cell = row && row.cells[cell.cellIndex + step[1]];
  } while (cell && !cell.querySelector("button"));
  if (cell) cell.querySelector("button").focus();
});
table.addEventListener("focusin", (event) => reach(event.target));
table.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) choose(button);
});
for (const button of buttons) {
  images(button).addEventListener("toggle", () => {
    button.setAttribute("aria-expanded", images(button).open);
  });
}
reach(buttons[0]);
