// What a test asks of a page as it is shown: colours, sizes, what sticks out. Evaluates to one object of functions.
(() => {
  const numbers = text => text.match(/[\d.]+/g).map(Number);
  const parse = text => {
    const [red, green, blue, alpha = 1] = numbers(text);
    return { red, green, blue, alpha };
  };
  const over = (top, below) => {
    const mix = name => top[name] * top.alpha + below[name] * (1 - top.alpha);
    return { red: mix("red"), green: mix("green"), blue: mix("blue"), alpha: 1 };
  };
  // the system's own colour for a page, as color-scheme and forced colours make it
  const canvas = () => {
    const probe = document.createElement("i");
    probe.style.backgroundColor = "Canvas";
    document.documentElement.append(probe);
    const found = parse(getComputedStyle(probe).backgroundColor);
    probe.remove();
    return found;
  };
  const background = element => {
    const layers = [];
    for (let node = element; node; node = node.parentElement) layers.push(parse(getComputedStyle(node).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), canvas());
  };
  // WCAG 2.2, relative luminance and contrast ratio
  const luminance = colour => {
    const part = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(colour.red) + 0.7152 * part(colour.green) + 0.0722 * part(colour.blue);
  };
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const textContrast = element => {
    const below = background(element);
    return ratio(over(parse(getComputedStyle(element).color), below), below);
  };
  const visible = element => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const name = element => `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.trim().slice(0, 40)}"`;
  const texts = () => [...document.body.querySelectorAll("*")].filter(element => visible(element) &&
    [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()));
  return {
    texts: () => texts().length,
    faint: least => texts().filter(element => textContrast(element) < least)
      .map(element => `${name(element)} ${textContrast(element).toFixed(2)}`),
    wide: () => [...document.body.querySelectorAll("*")].filter(element => visible(element) &&
      element.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).map(name).concat(
      document.scrollingElement.scrollWidth > document.documentElement.clientWidth ? ["the page scrolls sideways"] : []),
    small: least => [...document.querySelectorAll("a.button, a.second, button, summary, .actions a")].filter(visible)
      .filter(element => Math.min(element.getBoundingClientRect().width, element.getBoundingClientRect().height) < least)
      .map(element => `${name(element)} ${JSON.stringify(element.getBoundingClientRect())}`),
    focus: () => {
      const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
      const around = background(element.parentElement);
      return {
        name: name(element), outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        shown: box.width > 0 && box.height > 0 && box.left >= 0 && box.top >= 0 && box.top < innerHeight,
        text: textContrast(element),
        stands_out: Math.max(ratio(parse(style.outlineColor), around), ratio(background(element), around)),
      };
    },
  };
})()
