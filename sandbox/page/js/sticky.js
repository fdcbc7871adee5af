// Keeps a scrolling list at its end while it grows, until one scrolls up.

/** `content` is what grows inside `list`. Gives {toEnd, isAtEnd}. */
export function stickToEnd(list, content) {
  let atEnd = true;
  let last = 0;
  const follow = () => {
    if (atEnd && list.clientHeight > 0) list.scrollTop = list.scrollHeight;
  };
  list.addEventListener("scroll", () => {
    if (list.clientHeight === 0) return;
    const left = list.scrollHeight - list.scrollTop - list.clientHeight;
    // Content that grows leaves the place as it was; only a person moves it up.
    if (left < 60) atEnd = true;
    else if (list.scrollTop < last - 2) atEnd = false;
    last = list.scrollTop;
  });
  const observer = new ResizeObserver(follow);
  observer.observe(content);
  observer.observe(list);
  return {
    toEnd: () => {
      atEnd = true;
      follow();
    },
    isAtEnd: () => atEnd,
  };
}
