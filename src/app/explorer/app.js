document.getElementById("main").setAttribute("data-ready", "yes");
