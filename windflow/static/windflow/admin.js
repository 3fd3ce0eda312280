/* Comfort only; every page works without it. */
"use strict";

/* Times come in the site's zone. Where the reader's clock differs, say them in the reader's. */
function sayInReadersZone(element) {
    const written = element.getAttribute("datetime");
    const instant = new Date(written);
    const offset = /([+-])(\d\d):(\d\d)/.exec(written.slice(19));
    if (Number.isNaN(instant.getTime()) || !offset) {
        return;
    }
    const minutes = Number(offset[1] + "1") * (Number(offset[2]) * 60 + Number(offset[3]));
    if (minutes === -instant.getTimezoneOffset()) {
        return;
    }
    const today = new Date();
    const days = Math.abs(instant.setHours(0, 0, 0, 0) - today.setHours(0, 0, 0, 0)) / 86400000;
    const shape = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (days >= 6.5) {
        Object.assign(shape, { day: "numeric", month: "short", year: "numeric" });
    } else if (days >= 0.5) {
        shape.weekday = "short";
    }
    const language = document.documentElement.lang || undefined;
    element.textContent = new Date(written).toLocaleString(language, shape);
}

/* What was unfolded stays so when the page updates itself. */
function keepUnfolded(element) {
    const key = `windflow:${location.pathname}:${element.dataset.key}`;
    element.open = element.open || sessionStorage.getItem(key) === "open";
    element.addEventListener("toggle", () => {
        if (element.open) {
            sessionStorage.setItem(key, "open");
        } else {
            sessionStorage.removeItem(key);
        }
    });
}

document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("time[datetime]").forEach(sayInReadersZone);
    document.querySelectorAll("details[data-key]").forEach(keepUnfolded);
});
