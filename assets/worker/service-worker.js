// What the browser runs while no page is open: shows notifications, takes them away when they are read, and takes what is shared.
"use strict";
const SHELF = "shared";
const NOBODY = "nobody";
const A_DAY_MS = 24 * 60 * 60 * 1000;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  // Where the browser knows how, it need not wake this script for what goes to the server anyway.
  event.addRoutes?.([{ condition: { requestMethod: "GET" }, source: "network" }])?.catch(() => {});
});
self.addEventListener("activate", (event) => event.waitUntil(forgetOld()));

self.addEventListener("push", (event) => event.waitUntil(tell(event.data?.json())));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url ?? "/"));
});
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(subscribeAgain(event)));

// Nothing of ours is kept here and nothing is answered, except what other apps share: that is no page, and goes to no server yet.
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method === "POST" && origin === location.origin && pathname === "/share") event.respondWith(takeShared(event.request));
});

async function tell(notice) {
  if (!notice) return;
  count(notice.unread);
  if (notice.kind === "read") return takeAway(notice.tag);
  if (await isBeforeTheirEyes(notice.url)) return;
  const { title, body, tag, icon, badge, url, at } = notice;
  await self.registration.showNotification(title, { body, tag, icon, badge, timestamp: at, renotify: true, data: { url } });
}

async function takeAway(tag) {
  for (const shown of await self.registration.getNotifications({ tag })) shown.close();
}

function count(unread) {
  const set = unread ? navigator.setAppBadge?.(unread) : navigator.clearAppBadge?.();
  set?.catch(() => {});
}

async function isBeforeTheirEyes(url) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  return pages.some((page) => page.visibilityState === "visible" && new URL(page.url).pathname === url);
}

async function open(url) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = pages.find((page) => new URL(page.url).pathname === url);
  if (there) return there.focus();
  return self.clients.openWindow(`${url}#latest`);
}

async function subscribeAgain({ oldSubscription, newSubscription }) {
  const options = oldSubscription?.options;
  const subscription = newSubscription ?? (options && (await self.registration.pushManager.subscribe(options)));
  if (!subscription) return;
  const { endpoint, keys } = subscription.toJSON();
  await fetch("/settings/notifications/on", { method: "POST", redirect: "manual", body: new URLSearchParams({ endpoint, ...keys }) });
}

async function takeShared(request) {
  const form = await request.formData();
  const said = ["title", "text", "url"].map((name) => form.get(name)).filter((part) => typeof part === "string" && part.trim());
  const text = [...new Set(said.map((part) => part.trim()))].join("\n");
  const audio = form.getAll("audio").find((file) => file instanceof File && file.size) ?? null;
  const owner = await whose();
  await onShelf("readwrite", (shelf) => shelf.put({ text, audio, at: Date.now() }, owner));
  return Response.redirect("/share", 303);
}

// Who is signed in; what is shared while nobody is belongs to whoever signs in to send it.
async function whose() {
  try {
    const answer = await fetch("/settings/notifications", { redirect: "error" });
    return answer.ok ? (await answer.json()).user : NOBODY;
  } catch {
    return NOBODY;
  }
}

async function forgetOld() {
  await onShelf("readwrite", (shelf) => {
    const asked = shelf.openCursor();
    asked.onsuccess = () => {
      const found = asked.result;
      if (!found) return;
      // Under its old name it belonged to nobody in particular.
      if (found.key === "latest" || Date.now() - found.value.at > A_DAY_MS) found.delete();
      found.continue();
    };
  });
}

function onShelf(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(SHELF, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(SHELF);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const change = opening.result.transaction(SHELF, mode);
      work(change.objectStore(SHELF));
      change.oncomplete = () => resolve(opening.result.close());
      change.onerror = () => reject(change.error);
    };
  });
}
