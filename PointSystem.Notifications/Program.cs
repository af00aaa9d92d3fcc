return await PointSystem.Notifications.NotificationApplication.RunAsync(args);
