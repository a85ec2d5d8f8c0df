// Shows that somebody waits, while no page of the console is open.
"use strict";
self.addEventListener("push", event => {
  let told = {};
  try { told = event.data.json(); } catch { /* nothing that could be read */ }
  const { title = "Palabre", url = "/console/conversations" } = told;
  event.waitUntil(self.registration.showNotification(title, { tag: url, data: url }));
});
self.addEventListener("notificationclick", event => {
  event.notification.close();
  const url = new URL(event.notification.data, self.location.origin).href;
  event.waitUntil((async () => {
    const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const page = open.find(each => new URL(each.url).pathname.startsWith("/console"));
    if (page) try { await page.focus(); if (await page.navigate(url)) return; } catch { /* a page that nobody leads: a new one */ }
    await self.clients.openWindow(url);
  })());
});
