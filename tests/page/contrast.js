// Contrast of text and background, by the formula of WCAG. Gives what is below the limit for normal text.
const luminance = ([r, g, b]) => {
  const part = value => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const numbers = text => text.match(/[\d.]+/g).map(Number);
const ground = element => {
  for (let one = element; one; one = one.parentElement) {
    const color = numbers(getComputedStyle(one).backgroundColor);
    if (color.length < 4 || color[3] > 0.99) return color;
  }
  return [255, 255, 255];
};
const low = new Map();
for (const element of document.querySelectorAll('h1, .lede, .chip, .sign, #count, tbody th, tbody th small, thead th span, footer, .quiet')) {
  if (!element.checkVisibility()) continue;
  const [a, b] = [luminance(numbers(getComputedStyle(element).color)), luminance(ground(element))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) low.set(element.className || element.tagName, ratio.toFixed(2));
}
return [...low];
