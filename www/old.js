// For browsers without JavaScript modules.
document.getElementById("unsupported-why").textContent = "It does not know JavaScript modules.";
document.getElementById("unsupported").hidden = false;
