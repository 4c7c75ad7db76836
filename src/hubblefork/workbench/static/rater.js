// Who answers in this tab: another name than the server's own is kept as long as the tab is.
export const rater = (about) => sessionStorage.getItem("rater") || about.rater;

export const setRater = (name) => sessionStorage.setItem("rater", name.trim());
